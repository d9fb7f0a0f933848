/// Made-up names for sample people: common surnames and syllables of Chinese given names, first
/// and last names for foreigners, words for companies. All in UTF-8.
struct SampleNames {
  private let surnames: [[UInt8]]
  private let givenSyllables: [[UInt8]]
  private let firstNames: [[UInt8]]
  private let lastNames: [[UInt8]]
  private let companyWords: [[UInt8]]
  private let companyEndings: [[UInt8]]

  init() {
    surnames = SampleNames.characters(
      "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
        + "苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦")
    givenSyllables = SampleNames.characters(
      "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰红建国文辉力志宏海燕春梅晓东"
        + "雪婷宇浩轩子涵梓萱一诺欣怡俊熙思远嘉懿博文若曦雨桐天佑语晨安然景行清和乐山水木")
    firstNames = SampleNames.words(
      "Emma Liam Olivia Noah Sofia Lucas Mia Hugo Anna Yuki Haruto Minjun Seoyeon Priya Arjun Ivan")
    lastNames = SampleNames.words(
      "Smith Martin Garcia Rossi Muller Tanaka Sato Kim Park Nguyen Patel Singh Ivanov Silva Lopez")
    companyWords = SampleNames.words("晨光 远航 恒信 百川 新元 天成 惠民 锦绣 和润 瑞丰 启明 长河 东方 安达 立信 金桥")
    companyEndings = SampleNames.words("科技有限公司 贸易有限公司 餐饮管理有限公司 物流有限公司 医药有限公司 幼儿园 服务中心 百货商店")
  }

  /// Appends a surname and a given name of one or two characters.
  func appendChinese(_ choice: UInt64, to row: inout OutputSpan<UInt8>) {
    append(surnames, choice, to: &row)
    append(givenSyllables, choice >> 16, to: &row)
    if choice >> 60 > 3 { append(givenSyllables, choice >> 32, to: &row) }
  }

  /// Appends a first and a last name in Latin script.
  func appendForeign(_ choice: UInt64, to row: inout OutputSpan<UInt8>) {
    append(firstNames, choice, to: &row)
    row.append(0x20)
    append(lastNames, choice >> 16, to: &row)
  }

  /// Appends a name for an organisation.
  func appendCompany(_ choice: UInt64, to row: inout OutputSpan<UInt8>) {
    append(companyWords, choice, to: &row)
    append(companyWords, choice >> 16, to: &row)
    append(companyEndings, choice >> 32, to: &row)
  }

  /// Chooses by the low 16 bits of `choice`.
  private func append(_ names: [[UInt8]], _ choice: UInt64, to row: inout OutputSpan<UInt8>) {
    for byte in names[(Int(choice & 0xFFFF) * names.count) >> 16] { row.append(byte) }
  }

  private static func characters(_ text: String) -> [[UInt8]] { text.map { Array($0.utf8) } }

  private static func words(_ text: String) -> [[UInt8]] {
    text.split(separator: " ").map { Array($0.utf8) }
  }
}
