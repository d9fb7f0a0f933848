import ArgumentParser
import Codes
import Security
import Server

/// `issuer keys`: the secrets of a new region, and new ones in the place of old ones.
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "Make the secrets of a new region; replace them one by one.",
    discussion: """
      EXAMPLES
        issuer keys --directory /etc/citycode/keys
        issuer keys rotate region-secret --config issuer.json
        issuer keys rotate token --grants verifier-grants.json --principal gate-1 --out gate-1.token
        issuer keys rotate tls --certificate new.pem --key new.key --config verifier.json
      """,
    subcommands: [Make.self, RotateCommand.self], defaultSubcommand: Make.self)

  struct Make: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make the secrets of a new region: region-secret, pepper, sealer.pem.",
      discussion: "Refuses to replace a file that is there: a lost pepper cannot be made again.")

    @Option(help: "Where to put them; made if missing.")
    var directory: String

    func run() throws {
      do {
        try System.makeDirectory(directory)
        for name in ["region-secret", "pepper", "sealer.pem", "sealer-public.pem"]
        where System.modificationTime("\(directory)/\(name)") != nil {
          System.writeError("issuer: \(directory)/\(name) exists; nothing was changed\n")
          throw ExitCode(1)
        }
        for name in ["region-secret", "pepper"] {
          let digits = Hexadecimal.text(of: SecureRandom.bytes(32).span) + "\n"
          try System.replaceFile("\(directory)/\(name)", with: Array(digits.utf8), mode: 0o600)
        }
        let key = try SigningKey.generate()
        try key.write(pemFile: "\(directory)/sealer.pem")
        try System.replaceFile(
          "\(directory)/sealer-public.pem", with: Array(key.verifyingKey.pem.utf8), mode: 0o644)
      } catch let error as System.Fault {
        System.writeError("issuer: \(error.description)\n")
        throw ExitCode(1)
      }
      System.writeOutput(
        "made region-secret, pepper, sealer.pem (keep them secret) and sealer-public.pem in"
          + " \(directory)\n")
    }
  }
}
