import Codes
import Testing

@Suite struct CityTimeTests {
  @Test(
    "writes and reads RFC 3339",
    arguments: [
      (0, "2020-01-01T00:00:00Z"),
      (5_097_599, "2020-02-28T23:59:59Z"),
      (5_097_600, "2020-02-29T00:00:00Z"),
      (5_184_000, "2020-03-01T00:00:00Z"),
      (31_622_399, "2020-12-31T23:59:59Z"),
      (31_622_400, "2021-01-01T00:00:00Z"),
      (217_769_627, "2026-11-25T11:33:47Z"),
      (2_527_027_200, "2100-01-29T00:00:00Z"),
      (2_529_705_600, "2100-03-01T00:00:00Z"),
      (4_294_967_295, "2156-02-07T06:28:15Z"),
    ] as [(UInt32, String)])
  func knownTimes(seconds: UInt32, text: String) {
    #expect(CityTime(seconds: seconds).description == text)
    #expect(CityTime(rfc3339: text)?.seconds == seconds)
  }

  @Test("every day of 137 years reads back as written, each the day after the one before")
  func everyDay() {
    var days = 0
    while days <= 49_710 {
      let time = CityTime(seconds: UInt32(days) * 86_400)
      let text = time.description
      #expect(CityTime(rfc3339: text) == time, "\(text)")
      days += 1
    }
  }

  @Test(
    "reads any zone offset and cuts fractions",
    arguments: [
      "2026-11-24T19:33:47+08:00", "2026-11-24T11:33:47.999Z", "2026-11-24t11:33:47z",
      "2026-11-24T06:03:47-05:30", "2026-11-24T11:33:47.000000001+00:00",
    ])
  func offsets(text: String) {
    #expect(CityTime(rfc3339: text)?.description == "2026-11-24T11:33:47Z")
  }

  @Test(
    "refuses what is not RFC 3339 or not in range",
    arguments: [
      "", "2026-11-24", "2026-11-24T11:33:47", "2026-11-24T11:33:47+8:00", "2026-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
      "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
      "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zz", "2019-12-31T23:59:59Z",
      "2156-02-07T06:28:16Z", "2026-01-01T00:00:00.5", "2020-01-01T00:00:00+00:01",
      "２026-01-01T00:00:00Z",
    ])
  func refused(text: String) {
    #expect(CityTime(rfc3339: text) == nil)
  }

  @Test("clamps Unix times outside its range")
  func clamps() {
    #expect(CityTime(unixSeconds: .min).seconds == 0)
    #expect(CityTime(unixSeconds: 1_577_836_800).seconds == 0)
    #expect(CityTime(unixSeconds: 1_577_836_801).seconds == 1)
    #expect(CityTime(unixSeconds: .max).seconds == .max)
    #expect(CityTime(seconds: 60).unixSeconds == 1_577_836_860)
    #expect(CityTime(minutes: .max).seconds == .max)
    #expect(CityTime(seconds: 119).minutes == 1)
    #expect(CityTime(seconds: 10).advanced(bySeconds: -11).seconds == 0)
    #expect(CityTime(seconds: .max).advanced(bySeconds: .max).seconds == .max)
    #expect(CityTime(seconds: 10).seconds(since: CityTime(seconds: 15)) == -5)
  }
}

@Suite struct InstantTests {
  @Test("writes and reads milliseconds")
  func milliseconds() {
    let instant = Instant(rfc3339: "2026-11-24T11:33:47.250Z")
    #expect(instant?.description == "2026-11-24T11:33:47.250Z")
    #expect(instant?.cityTime.description == "2026-11-24T11:33:47Z")
    #expect(Instant(rfc3339: "2020-01-01T00:00:00.0079Z")?.milliseconds == 7)
    #expect(Instant(milliseconds: 5).description == "2020-01-01T00:00:00.005Z")
  }

  @Test("stays in range at both ends")
  func ends() {
    #expect(Instant(unixMilliseconds: .min).milliseconds == 0)
    #expect(Instant(unixMilliseconds: 1_577_836_800_123).milliseconds == 123)
    #expect(Instant(milliseconds: 123).unixMilliseconds == 1_577_836_800_123)
    #expect(Instant(milliseconds: .max).description == "9999-12-31T23:59:59.999Z")
    #expect(Instant(milliseconds: .max).cityTime.seconds == .max)
    #expect(Instant(milliseconds: 3).advanced(byMilliseconds: -4).milliseconds == 0)
    #expect(Instant(milliseconds: .max).advanced(byMilliseconds: 1).milliseconds == .max)
    #expect(Instant(milliseconds: 3).milliseconds(since: Instant(milliseconds: 5)) == 0)
    #expect(Instant(milliseconds: 9).milliseconds(since: Instant(milliseconds: 5)) == 4)
    #expect(Instant(CityTime(seconds: 2)).milliseconds == 2_000)
  }
}
