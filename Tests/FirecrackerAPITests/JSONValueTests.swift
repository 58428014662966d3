import FirecrackerAPI
import Testing

@Suite("JSON values")
struct JSONValueTests {
    private func value(_ text: String) throws -> JSONValue {
        try JSONValue(decoding: Array(text.utf8))
    }

    private func text(_ value: JSONValue) -> String {
        String(decoding: value.encoded, as: UTF8.self)
    }

    @Test(
        "A merge patch does what the examples of RFC 7396 say",
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
            (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
            (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
            (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#),
            (#"{"a":"foo"}"#, "null", "null"),
            (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
            (#"{"e":null}"#, #"{"a":1}"#, #"{"a":1,"e":null}"#),
            (#"[1,2]"#, #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        ])
    func mergePatch(original: String, patch: String, result: String) throws {
        #expect(text(try value(original).merging(try value(patch))) == result)
    }

    @Test("Members are sorted by bytes, and of two with one name the later counts")
    func members() throws {
        #expect(text(try value(#"{"b":1,"a":2,"é":3,"z":4,"a":5}"#)) == #"{"a":5,"b":1,"z":4,"é":3}"#)
    }

    @Test("Names that Unicode holds for equal stay apart")
    func canonicalEquivalents() throws {
        #expect(
            text(try value("{\"e\u{301}\":1,\"\u{e9}\":2}")).utf8.count == "{\"e\u{301}\":1,\"\u{e9}\":2}".utf8.count)
    }

    @Test(
        "Numbers keep what they are",
        arguments: [
            ("0", "0"), ("-1", "-1"), ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"), ("1.0", "1.0"), ("1e2", "100.0"), ("-0", "-0.0"),
            ("12345678901234567890123", "1.2345678901234568e+22"), ("1e15", "1000000000000000.0"), ("1e16", "1e+16"),
            ("12345678901234567.0", "1.2345678901234568e+16"), ("0.00001", "0.00001"), ("0.000001", "1e-6"),
            ("-1.5e-7", "-1.5e-7"), ("43210.1", "43210.1"), ("100.5", "100.5"), ("5e-324", "5e-324"), ("0.0", "0.0"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"), ("9007199254740993.0", "9007199254740992.0"),
        ])
    func numbers(given: String, written: String) throws {
        #expect(text(try value(given)) == written)
    }

    @Test("Strings come back with the escapes that are needed and no others")
    func strings() throws {
        #expect(text(try value(#""\u00e9\u0001\/\"\\\b\f\n\r\t\ud83d\ude00""#)) == #""é\u0001/\"\\\b\f\n\r\t😀""#)
    }

    @Test(
        "A broken string says how",
        arguments: [
            (#""a"#, "EOF while parsing a string at line 1 column 2"),
            (#""\x""#, "invalid escape at line 1 column 3"),
            (#""\u12"#, "EOF while parsing a string at line 1 column 5"),
            (#""\u12x4""#, "invalid escape at line 1 column 7"),
            (#""\ud800""#, "unexpected end of hex escape at line 1 column 8"),
            (#""\udc00""#, "lone leading surrogate in hex escape at line 1 column 7"),
            ("\"\u{1}\"", "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 2"),
            ("[\n1,\n]", "trailing comma at line 3 column 1"),
            ("[1 2]", "expected `,` or `]` at line 1 column 4"),
            (#"{"a" 1}"#, "expected `:` at line 1 column 6"),
            (#"{"a":1 "b":2}"#, "expected `,` or `}` at line 1 column 8"),
            ("1.", "EOF while parsing a value at line 1 column 2"),
            ("-", "EOF while parsing a value at line 1 column 1"),
            ("1e", "EOF while parsing a value at line 1 column 2"),
            ("", "EOF while parsing a value at line 1 column 0"),
        ])
    func broken(given: String, fault: String) {
        #expect(throws: JSONFault.self) { try value(given) }
        do {
            _ = try value(given)
        } catch {
            #expect("\(error)" == fault)
        }
    }

    @Test("Bytes that are no UTF-8 are refused inside a string")
    func invalidUTF8() {
        #expect(throws: JSONFault("invalid unicode code point", line: 1, column: 3)) {
            try JSONValue(decoding: [0x22, 0xff, 0x22])
        }
    }
}
