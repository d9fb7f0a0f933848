import HTTP2
import JSON
import Testing
import World

extension EndToEnd {
  @Suite struct PictureTests {
    @Test("a scanner reads the PNG and the SVG at 120 pixels and up, and the gate takes it")
    func pictures() async throws {
      try await withWorld { world in
        let (handle, _) = try await world.resident()
        let channel = try world.home.channel()
        for size in [120, 160, 240, 600] {
          for form in ["png", "svg"] {
            let answer = try await channel.codeAnswer(of: handle, query: "?as=\(form)&size=\(size)")
            #expect(answer.status == 200)
            #expect(answer.contentType == (form == "png" ? "image/png" : "image/svg+xml"))
            var picture = "\(world.directory)/code-\(size).\(form)"
            try Files.write(answer.body, to: picture)
            if form == "svg" {
              try await Command.require("rsvg-convert", [picture, "-o", picture + ".png"])
              picture += ".png"
            }
            let text = try await Command.require(
              "zbarimg", ["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", picture])
            try await world.home.point().scan(text).expected("accepted", "the \(form) at \(size)")
          }
        }
        let terminal = try await channel.picture(of: handle)
        let lines = terminal.split(separator: "\n")
        #expect(lines.count >= 15)
        #expect(Set(lines.map(\.count)).count == 1, "all lines are of one width")
      }
    }

    @Test("a phone without network has codes that follow one another without a gap")
    func batch() async throws {
      try await withWorld { world in
        let (handle, _) = try await world.resident()
        let answer = try await world.home.channel().client.send(.post, "/v1/codes/batch") {
          $0.field("handle", handle)
          $0.field("count", 25)
          $0.field("lifetime_seconds", 3_600)
        }.required("a batch")
        let codes = try #require(answer.json["codes"]?.array)
        #expect(codes.count == 25)
        #expect(Set(codes.map { $0["code"]?.string }).count == 25)
        for (code, next) in zip(codes, codes.dropFirst()) {
          #expect(code["valid_until"]?.string == next["valid_from"]?.string)
        }
        let point = try world.home.point()
        try await point.scan(codes[0]["code"]?.string ?? "").expected("accepted", "the first")
        let last = try await point.scan(codes[24]["code"]?.string ?? "")
        #expect(["not_yet_valid", "unknown_key"].contains(last.outcome))
      }
    }
  }
}
