import FirecrackerAPI
import Testing

@Suite("Members that nobody wants")
struct SkippedValueTests {
    @Test(
        "What they mean is not looked at, nor how deep they are",
        arguments: [#"1e400"#, #""\ud800""#, String(repeating: "[", count: 200) + String(repeating: "]", count: 200)])
    func meaning(value: String) throws {
        let model = try MetricsConfig(decoding: Array(#"{"a":\#(value),"metrics_path":"x"}"#.utf8))
        #expect(model == MetricsConfig(metricsPath: "x"))
    }

    @Test(
        "A broken one says how, as serde_json does",
        arguments: [
            (#"{"a":{"b":1,}}"#, "key must be a string at line 1 column 13"),
            (#"{"a":[1,]}"#, "expected value at line 1 column 9"),
            (#"{"a":{"b":"#, "EOF while parsing a value at line 1 column 10"),
            (#"{"a":["#, "EOF while parsing a list at line 1 column 6"),
            (#"{"a":{"b":1,"#, "EOF while parsing an object at line 1 column 12"),
            (#"{"a":-}"#, "invalid number at line 1 column 7"),
            (#"{"a":1.}"#, "invalid number at line 1 column 8"),
            (#"{"a":1e}"#, "invalid number at line 1 column 8"),
            (#"{"a":01}"#, "invalid number at line 1 column 7"),
            ("{\"a\":\"x\ty\"}", "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 7"),
            (#"{"a":{"b" 1}}"#, "expected `:` at line 1 column 11"),
            (#"{"a":[1 2]}"#, "expected `,` or `]` at line 1 column 9"),
            (#"{"a":{1:2}}"#, "key must be a string at line 1 column 7"),
            (#"{"a":"\x"}"#, "invalid escape at line 1 column 8"),
            (#"{"a":nul}"#, "expected ident at line 1 column 9"),
            (#"{"a":"x"#, "EOF while parsing a string at line 1 column 7"),
            (#"{"metrics_path":"x","a":}"#, "expected value at line 1 column 25"),
            (#"{"a":{}x}"#, "expected `,` or `}` at line 1 column 8"),
            (#"{"a":{"b":1 "c":2}}"#, "expected `,` or `}` at line 1 column 13"),
        ])
    func broken(given: String, fault: String) {
        #expect(throws: JSONFault.self) { try MetricsConfig(decoding: Array(given.utf8)) }
        do {
            _ = try MetricsConfig(decoding: Array(given.utf8))
        } catch {
            #expect("\(error)" == fault)
        }
    }

    @Test(
        "Elements that are too many, and texts that cannot be printed",
        arguments: [
            ("[1, \n1]", "trailing characters at line 2 column 1"),
            ("[1,]", "trailing comma at line 1 column 4"),
            (
                "{\"amount_mib\":\"\u{300}\u{200b}\u{a0}x\u{85}\"}",
                #"invalid type: string "\u{300}\u{200b}\u{a0}x\u{85}", expected u32 at line 1 column 26"#
            ),
        ])
    func wrong(given: String, fault: String) {
        #expect(throws: JSONFault.self) { try BalloonUpdate(decoding: Array(given.utf8)) }
        do {
            _ = try BalloonUpdate(decoding: Array(given.utf8))
        } catch {
            #expect("\(error)" == fault)
        }
    }
}
