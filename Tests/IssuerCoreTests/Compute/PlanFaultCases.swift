extension PlanFaultCase {
  static let plans = [
    PlanFaultCase("plan: p\n", "plan: \"\"\n", "1:7: a plan's name must be text"),
    PlanFaultCase("plan: p\n", "plan: [p]\n", "1:7: a plan's name must be text, not a list"),
    PlanFaultCase(
      "plan: p\n", "plan: p\nplan: q\n", "2:1: the key \"plan\" stands twice in a plan"),
    PlanFaultCase(
      "plan: p\n", "plan: p\nrule: q\n",
      "2:1: there is no key \"rule\" in a plan: did you mean \"rules\"?"),
    PlanFaultCase(
      "2020-03-01T00:00:00+08:00", "2020-03-01",
      "2:8: as_of must be \"now\" or a time with a zone from 2020 on, like "
        + "2020-03-01T00:00:00+08:00, not \"2020-03-01\""),
    PlanFaultCase(
      "2020-03-01T00:00:00+08:00", "2020-03-01T00:00:30+08:00",
      "2:8: as_of must be a whole minute: windows are counted in minutes"),
    PlanFaultCase(
      "2020-03-01T00:00:00+08:00", "2019-12-01T00:00:00+08:00",
      "2:8: as_of must be \"now\" or a time with a zone from 2020 on, like "
        + "2020-03-01T00:00:00+08:00, not \"2019-12-01T00:00:00+08:00\""),
    PlanFaultCase(
      "2020-03-01T00:00:00+08:00", "2055-03-01T00:00:00+08:00", "2:8: as_of must be before 2051"),
    PlanFaultCase("as_of: 2020-03-01T00:00:00+08:00\n", "", "1:1: a plan lacks \"as_of\""),
    PlanFaultCase(
      "\"+08:00\"", "Asia/Shanghai",
      "3:12: a time zone is written \"+08:00\" or \"Z\", not \"Asia/Shanghai\""),
    PlanFaultCase(
      "0.05", "5", "4:19: reject_share_max must be a share from 0 to 1, like 0.05, not \"5\""),
    PlanFaultCase(
      "[test, contact]", "[test, contact, test]", "5:24: the kind \"test\" is declared twice"),
    PlanFaultCase(
      "[negative, positive]", "[none, negative, positive]",
      "6:10: the result \"none\" is always there: do not declare it"),
    PlanFaultCase(
      "valid: 2 days", "valid: 2 weeks",
      "21:8: valid must be a number of days, hours or minutes, like \"14 days\", not \"2 weeks\""),
    PlanFaultCase("valid: 2 days", "valid: 0 days", "21:8: valid must be a minute or longer"),
    PlanFaultCase("valid: 2 days", "valid: 30000 days", "21:8: valid must be 20 years at most"),
    PlanFaultCase(
      "valid: 2 days", "valid: 99999999999999999999 days",
      "21:8: valid must be a number of days, hours or minutes, like \"14 days\", not "
        + "\"99999999999999999999 days\""),
    PlanFaultCase(
      "colour: green", "colour: gren", "22:19: there is no colour \"gren\": did you mean \"green\"?"
    ),
    PlanFaultCase("colour: green, ", "", "22:10: the default lacks \"colour\""),
    PlanFaultCase(
      "reason: 0}", "reason: 256}", "22:34: reason must be a whole number, 0 to 255, not \"256\""),
    PlanFaultCase("default: {colour: green, reason: 0}\n", "", "1:1: a plan lacks \"default\""),
  ]

  static let sources = [
    PlanFaultCase(
      "name: tests", "names: tests",
      "8:5: there is no key \"names\" in a source: did you mean \"name\"?",
      "8:5: a source lacks \"name\""),
    PlanFaultCase("name: contacts", "name: tests", "14:5: there are two sources \"tests\""),
    PlanFaultCase(
      "files: tests/*.csv", "files: tes*/x.csv",
      "9:12: * and ? are taken in a file's name only, not in its folder's: \"tes*/x.csv\""),
    PlanFaultCase(
      "files: tests/*.csv", "files: tests/",
      "9:12: \"tests/\" is a folder: write \"tests/*\" for all files in it"),
    PlanFaultCase("files: tests/*.csv", "files: []", "9:12: a source needs at least one file"),
    PlanFaultCase(
      "{document: id, time: at, result: result}", "{time: at, result: result}",
      "10:14: the map of columns lacks \"document\""),
    PlanFaultCase(
      "{document: id, time: at, result: result}", "{document: id, result: result}",
      "10:14: the map of columns lacks \"time\""),
    PlanFaultCase(
      "{document: id, time: at, result: result}", "{document: id, time: id, result: result}",
      "10:35: the column \"id\" cannot be both document and time"),
    PlanFaultCase(
      "{document: id, time: at, result: result}",
      "{document: id, time: at, result: result, name: name}",
      "10:14: holders are found by name and phone together: give both columns or neither"),
    PlanFaultCase(
      "{document: id, time: at, result: result}",
      "{document: id, time: at, result: result, fone: p}",
      "10:55: there is no key \"fone\" in the map of columns: there are document_type, "
        + "document, name, phone, kind, result, time, place"),
    PlanFaultCase(
      "kind: test\n", "kind: tset\n", "11:11: there is no kind \"tset\": did you mean \"test\"?"),
    PlanFaultCase(
      "    kind: test\n", "",
      "8:5: a source has either \"kind\" or a column \"kind\": this one has neither"),
    PlanFaultCase(
      "    kinds: {1: contact}\n", "    kind: contact\n",
      "17:11: a source has either \"kind\" or a column \"kind\": this one has both"),
    PlanFaultCase(
      "kinds: {1: contact}", "kinds: {1: contacts}",
      "17:16: there is no kind \"contacts\": did you mean \"contact\"?"),
    PlanFaultCase(
      "kinds: {1: contact}", "kinds: {1: contact, 1: test}",
      "17:25: the spelling \"1\" stands twice"),
    PlanFaultCase(
      "kinds: {1: contact}", "kinds: {test: contact}",
      "17:13: \"test\" is itself the name of a kind"),
    PlanFaultCase(
      "kinds: {1: contact}", "kinds: {1: contact}\n    results: {a: negative}",
      "18:14: \"results\" spells a column \"result\", which this source does not have"),
    PlanFaultCase(
      "kinds: {1: contact}", "kinds: {1: contact}\n    document_types: {a: passport}",
      "18:21: \"document_types\" spells a column \"document_type\", which this source does "
        + "not have"),
    PlanFaultCase(
      "{阴性: negative}", "{阴性: negativ}",
      "12:19: there is no result \"negativ\": did you mean \"negative\"?"),
    PlanFaultCase(
      "{阴性: negative}", "[negative]",
      "12:14: the spellings of results must be a map of keys and values, not a list"),
    PlanFaultCase(
      "yyyy-MM-dd HH:mm,", "yyyy-M-dd HH:mm,",
      "13:13: \"M\" of the time format \"yyyy-M-dd HH:mm\" is not understood: a pattern has "
        + "yyyy, MM, dd, HH, mm, ss, each once; other formats are rfc3339, unix_seconds, "
        + "unix_milliseconds"),
    PlanFaultCase(
      "yyyy-MM-dd HH:mm,", "yyyy-MM HH:mm,", "13:13: the time format \"yyyy-MM HH:mm\" lacks dd"),
    PlanFaultCase(
      "yyyy-MM-dd HH:mm,", "yyyy-MM-dd..........................HH:mm,",
      "13:13: the time format \"yyyy-MM-dd..........................HH:mm\" is longer than 40 bytes"
    ),
    PlanFaultCase("yyyy-MM-dd HH:mm,", "rfc3339,", "13:22: this time format stands twice"),
    PlanFaultCase("times: rfc3339", "times: []", "18:12: a source needs at least one time format"),
    PlanFaultCase(
      "times: rfc3339", "times: rfc3339\n    encoding: latin1",
      "19:15: there is no encoding \"latin1\": there are utf-8, gb18030"),
    PlanFaultCase(
      "times: rfc3339", "times: rfc3339\n    delimiter: ab",
      "19:16: a delimiter is one ASCII character, not a quotation mark; \"\\t\" is a tab"),
    PlanFaultCase(
      "times: rfc3339", "times: rfc3339\n    time_zone: 8",
      "19:16: a time zone is written \"+08:00\" or \"Z\", not \"8\""),
  ]

  static let areas = [
    PlanFaultCase(
      "place: 420100", "place: 42010",
      "20:18: a place is a GB/T 2260 code of 2, 4, 6, 9 or 12 digits, not \"42010\""),
    PlanFaultCase(
      "place: 420100", "place: Wuhan",
      "20:18: a place is a GB/T 2260 code of 2, 4, 6, 9 or 12 digits, not \"Wuhan\""),
    PlanFaultCase("place: 420100, ", "", "20:10: a part of an area lacks \"place\""),
    PlanFaultCase(
      "from: 2020-01-20", "from: 2020-02-30",
      "20:32: a period's bound is a date like 2020-01-23 or a time like "
        + "2020-01-23T10:00:00+08:00, from 2020 on (leave it out for no bound), not "
        + "\"2020-02-30\""),
    PlanFaultCase(
      "from: 2020-01-20", "from: 2019-12-08",
      "20:32: a period's bound is a date like 2020-01-23 or a time like "
        + "2020-01-23T10:00:00+08:00, from 2020 on (leave it out for no bound), not "
        + "\"2019-12-08\""),
    PlanFaultCase(
      "from: 2020-01-20", "from: 2020-03-02", "20:48: the period ends before it begins"),
    PlanFaultCase(
      "from: 2020-01-20", "form: 2020-01-20",
      "20:26: there is no key \"form\" in a part of an area: did you mean \"from\"?"),
    PlanFaultCase(
      "2020-03-01}]", "2020-03-01}]\n  high: []", "21:3: the area \"high\" stands twice"),
    PlanFaultCase(
      "[{place: 420100, from: 2020-01-20, to: 2020-03-01}]", "420100",
      "20:9: the area \"high\" must be a list, not text"),
    PlanFaultCase(
      "[{place: 420100", "[{place: 11}, {place: 110000}, {place: 420100",
      "20:23: this part of the area stands twice"),
  ]

  static let rules = [
    PlanFaultCase("rule: b", "rule: a", "25:5: the rule \"a\" stands twice: first on line 24"),
    PlanFaultCase("- rule: b\n    colour", "- colour", "25:5: a rule lacks \"rule\""),
    PlanFaultCase(
      "colour: yellow", "colour: amber",
      "26:13: there is no colour \"amber\": there are none, green, yellow, red"),
    PlanFaultCase(
      "reason: 2\n", "reason: two\n",
      "27:13: reason must be a whole number, 0 to 255, "
        + "not \"two\""),
    PlanFaultCase(
      "reason: 2\n", "reason: 2\n    valid: 1 month\n",
      "28:12: valid must be a number of days, hours or minutes, like \"14 days\", not \"1 month\""),
    PlanFaultCase(
      "    when: {event: contact, area: high, within: 14 days}\n", "", "25:5: a rule lacks \"when\""
    ),
    PlanFaultCase(
      "when: {event: contact, area: high, within: 14 days}", "when: []",
      "28:11: \"when\" needs at least one condition"),
    PlanFaultCase(
      "unless: {event: test, result: negative, after_match: 0 days}", "unless: []",
      "29:13: \"unless\" is empty: leave it out"),
    PlanFaultCase("event: contact, ", "", "28:11: a condition begins with \"event\" or \"latest\""),
    PlanFaultCase(
      "event: contact", "event: contac",
      "28:19: there is no kind \"contac\": did you mean \"contact\"?"),
    PlanFaultCase(
      "event: contact", "event: [contact, contact]", "28:29: the kind \"contact\" stands twice"),
    PlanFaultCase("event: contact", "event: []", "28:19: this list of kinds is empty"),
    PlanFaultCase(
      "event: contact", "event: contact, latest: contact",
      "28:36: a condition has either \"event\" or \"latest\""),
    PlanFaultCase(
      "event: contact", "event: contact, is: contact",
      "28:32: \"is\" belongs to \"latest\": for an event write its kind under \"event\""),
    PlanFaultCase(
      "event: contact", "latest: contact, is: test",
      "28:33: \"test\" is not among the kinds under \"latest\""),
    PlanFaultCase(
      "event: contact, area: high", "latest: contact",
      "28:20: \"latest\" asks nothing: add \"result\", \"area\" or \"is\", or write "
        + "\"event\" instead"),
    PlanFaultCase(
      "event: contact", "latest: contact, at_least: 2",
      "28:39: \"at_least\" cannot go with \"latest\", which looks at one event only"),
    PlanFaultCase(
      "event: contact", "event: contact, apart: 1 day",
      "28:35: \"apart\" needs \"at_least\" of 2 or more"),
    PlanFaultCase(
      "event: contact", "event: contact, at_least: 0",
      "28:38: at_least must be a whole number, 1 to 1000, not \"0\""),
    PlanFaultCase(
      "event: contact", "event: contact, after_match: 1 day",
      "28:41: the first condition of \"when\" is the match: \"after_match\" belongs into "
        + "another one"),
    PlanFaultCase(
      "area: high", "area: higher", "28:34: there is no area \"higher\": did you mean \"high\"?"),
    PlanFaultCase(
      "result: negative, after", "result: unknown, after",
      "29:35: there is no result \"unknown\": there are none, negative, positive"),
    PlanFaultCase(
      "within: 14 days", "within: 14",
      "28:48: within must be a number of days, hours or minutes, like \"14 days\", not \"14\""),
    PlanFaultCase(
      "within: 14 days", "within: 14days",
      "28:48: within must be a number of days, hours or minutes, like \"14 days\", not \"14days\""),
    PlanFaultCase("within: 14 days", "within: 0 days", "28:48: within must be a minute or longer"),
    PlanFaultCase(
      "within: 14 days", "withn: 14 days",
      "28:40: there is no key \"withn\" in a condition: did you mean \"within\"?"),
    PlanFaultCase(
      "kind: what", "result: what}\n    kind: test #",
      "18:12: \"kinds\" spells a column \"kind\", which this source does not have"),
    PlanFaultCase(
      "  - rule: b",
      "  - {rule: c, colour: red, reason: 3, "
        + "when: {latest: test, result: positive, within: 168 hours}}\n  - rule: b",
      "25:5: the rule \"c\" never decides: \"a\" on line 24 asks the same and comes first"),
  ]
}
