package import ArgumentParser

/// The options of `NAME serve`, the same for all three services.
package struct ServeOptions: ParsableArguments {
  @Option(name: .long, help: "JSON file of settings.")
  package var config: String?

  @Option(name: .customLong("set"), help: "One setting, key=value; may be repeated.")
  package var overrides: [String] = []

  @Flag(help: "Check configuration and the files it names, and exit.")
  package var checkConfig = false

  @Flag(help: "Print all settings with meaning, value and source, and exit.")
  package var printConfig = false

  package init() {}

  /// The configuration that these options and the environment make.
  package func configuration(
    _ service: String, _ settings: [Setting]
  ) throws(ConfigurationError) -> Configuration {
    try Configuration(
      service: service, settings: settings, file: config, environment: System.environment,
      overrides: overrides)
  }

  /// Runs `body` with the configuration, or does what the flags ask; a configuration that cannot
  /// be used ends the process with its message and status 64 (EX_USAGE). `checking` reads the files
  /// that only this service has, for --check-config, and opens or changes nothing.
  package func run(
    _ service: String, _ settings: [Setting],
    checking: (ServiceProcess) throws -> Void = { _ in },
    _ body: (ServiceProcess) throws -> Void
  ) throws {
    System.forbidDumps()
    System.blockStopSignals()
    do {
      let configuration = try configuration(service, settings)
      if printConfig { return System.writeOutput(configuration.printed(explained: true)) }
      let process = try ServiceProcess(configuration)
      if checkConfig {
        try checking(process)
        return System.writeOutput("the configuration is good\n")
      }
      try body(process)
    } catch let error as ExitCode {
      throw error
    } catch let error as ConfigurationError {
      System.writeError("\(service): \(error.message)\n")
      throw ExitCode(64)
    } catch {
      let text = (error as? System.Fault)?.description ?? "\(error)"
      System.writeError("\(service): \(text)\n")
      throw ExitCode(1)
    }
  }
}

/// `NAME health`: asks the admin port, for images without curl.
package struct HealthOptions: ParsableArguments {
  @Option(help: "Address of the admin port, http://host:port.")
  package var adminUrl: String

  @Option(help: "What to ask: /livez, /readyz?verbose or /startupz.")
  package var path = "/readyz?verbose"

  package init() {}

  /// Prints the answer; exit status 0 for 200, 1 for anything else or none within two seconds.
  package func run() throws {
    guard let url = try? UpstreamURL(adminUrl), !url.isTLS else {
      System.writeError("--admin-url must be http://host:port\n")
      throw ExitCode(64)
    }
    do {
      let answer = try AdminProbe.get(url, path)
      System.writeOutput(answer.body)
      if answer.status != 200 { throw ExitCode(1) }
    } catch let error as AdminProbe.Fault {
      System.writeError("\(adminUrl)\(path): \(error.message)\n")
      throw ExitCode(1)
    }
  }
}
