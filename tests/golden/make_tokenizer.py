"""Writes tokenizer/tokenizer.json and tokenizer/strings.json, which tests/model/tokenizer_test.cpp
reads: a small tokenizer of Qwen's kind, trained on text made here, and what Hugging Face's
`tokenizers` makes of thousands of strings with it.

    pip install tokenizers==0.23.3
    python3 tests/golden/make_tokenizer.py

Only characters that Unicode 3.2 knew, and emoji, stand in the strings: on younger ones two Unicode
tables may disagree without either tokenizer being wrong.
"""

import json
import random
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

FOLDER = Path(__file__).parent / "tokenizer"
VOCABULARY = 1800  # with the 256 bytes, without the added tokens
# The pre-tokenizer of Qwen2, Qwen2.5 and Qwen3.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
PLAIN = ["<think>", "</think>"]

SENTENCES = """
You play Wordle. Guess my secret word of five letters; you have six guesses.
After each guess I tell you for every letter: G, it stands in its place; Y, it is in the word.
X, it is not in the word. Answer with five lowercase letters and nothing else.
Feedback: c X, r G, a G, n Y, e X. The user asks, the assistant answers, the system explains.
A trainer changes its weights, and the workers that play with them want to hear of it soon.
Only what has changed travels: one word in a hundred, its place and its new value.
It's what they'll say, isn't it? I'd think we've done it; you're right, he'd've known. I'M HERE.
Der Bäcker läuft früh über die Straße, und größere Öfen wärmen süße Brötchen für müde Gäste.
El niño pequeño comió una manzana mañana por la tarde, ¿verdad? ¡Sí, señor!
L'été dernier, nous avons mangé des crêpes près de la forêt où l'on naît, là-bas.
Żółta łódź płynie powoli przez świeżą wodę, a ktoś śpiewa cichą pieśń.
Быстрая лиса перепрыгнула через ленивую собаку, и никто этого не заметил.
Η γρήγορη αλεπού πηδάει πάνω από το τεμπέλικο σκυλί κάθε πρωί.
我们今天去公园散步,天气很好。你喜欢喝茶还是喝咖啡?学习语言需要时间。
今日はとても天気がいいですね。ねずみがチーズを食べました。カタカナとひらがな。
오늘은 날씨가 아주 좋습니다. 우리는 공원에서 산책을 합니다.
यह एक छोटा वाक्य है और हम इसे पढ़ते हैं। ฉันชอบกินข้าวผัดตอนเช้า
ذهب الولد إلى المدرسة في الصباح. הילד הלך לבית הספר בבוקר.
Tiếng Việt có nhiều dấu: Nguyễn, phở, được, những, trường.
for i in range(10): print(i, end="\\n")    # count
int main(void) { return 0; }  if (x != y && a[i] <= b) { x += 1; }
def add(first, second):\n    return first + second\n
<a href="https://example.org/index.html?q=1&r=2">link</a>
😀 😃 😄 🎉 👍 👍🏽 👩‍💻 ❤️ 🇩🇪 1️⃣
3.14159 2,718 1e-6 0xff 2025-12-31 23:59:59 100% $5 €7 £8 ½ ² Ⅷ
"""

CODE = """
std::vector<int> values(8, 0);\tfor (auto& v : values) v *= 2;\r\n
\tif not x:\n\t\treturn None\n\n\n    else:\n        y = {'a': [1, 2, 3]}\n
SELECT name, COUNT(*) FROM t WHERE id >= 10 GROUP BY name;
$ git commit -m "sync: it's done" && ./run test | tee log.txt
{"key": "value", "list": [1, 2.5, null, true], "nested": {"a": "\\u00e9"}}
x = (a**2 + b**2) ** 0.5  # ~= c
"""

BY_HAND = [
    "", " ", "  ", "   ", "\n", "\n\n", " \n", "\n ", " \n \n", "\r\n", "\r", "\t", " \t ", "\r\n\r\n",
    "a", " a", "a ", "  a", "a  b", "a   b   c", "a\nb", "a \n b", "a\r\nb", "\ta", "a\t\tb", "a\n\n\nb",
    "   \n   x", "x   \n", "x\n   ", "\x00", "a\x00b", "\x01\x02\x7f", "\x1b[0m", "\x0b\x0c", "\x85", "\x1c\x1d",
    "\u00a0", "a\u00a0b", "\u1680", "\u2000\u2001\u2009\u200a", "\u2028", "\u2029", "a\u2028b", "\u202f", "\u205f",
    "\u3000", "日\u3000本", "\u180e", "a\u180eb", " \u180e ", "\u200b", "a\u200bb", "\ufeff", "\ufeffa", "\u2060",
    "'s", "'S", "'t", "'T", "'re", "'RE", "'Re", "'ve", "'m", "'ll", "'LL", "'lL", "'d", "'D", "it's", "IT'S",
    "don't", "DON'T", "we'll", "we'LL go", "'", "''", "'sa", "'tis", "o'clock", "'\u017f", "it'\u017f", "'\u017fx",
    "\u2019s", "it\u2019s", "'r", "'v", "'l", "'e", "'l l", "'\u212a", "rock'n'roll", "\u02bcs",
    "0", "12", "123", "1234567890", "1a2b", "a1", "1.5", "1,000,000", "-1", "+1", " 1", "  1", "1 2", "\u0661\u0662",
    "\u0967\u0968", "\uff11\uff12", "\u00bd", "\u00b2", "\u2167", "\u3007", "\u3021", "1\ufe0f\u20e3", "x\u00b2",
    "e\u0301", "\u00e9", "E\u0301", "a\u0308o\u0308u\u0308", "A\u030a", "\u212b", "\u212a", "\u2126", "\u1e9b\u0323",
    "n\u0303", "c\u0327", "q\u0307\u0323", "q\u0323\u0307", "d\u0323\u0307", "\u0344", "\u0301", " \u0301", "a \u0301",
    "1\u0301", "\n\u0301", "a\u0301\u0301", "\u0915\u093c", "\u0958", "\u09c7\u09be", "\u0b47\u0b3e",
    "\u1100\u1161", "\u1100\u1161\u11a8", "\uac00\u11a8", "\u1112\u1161\u11ab\u1100\u1173\u11af", "\uac00",
    "\u05d1\u05bc", "\ufb31", "\u0643\u064e\u062a\u064e\u0628", "\u0622", "\u0627\u0653", "\u304b\u3099",
    "\u30cf\u309a", "\u0064\u0307\u0323", "\u2260", "=\u0338", "<\u0338", "<\u0338think>", "\u2adc", "\uf900",
    "\U0002f800", "\U0001d15e", "\U0001d157\U0001d165", "\ufb01", "\uff21", "\u0132", "\u01c4",
    "Ti\u00ea\u0301ng Vi\u00ea\u0323t", "Ti\u1ebfng Vi\u1ec7t", "Nguye\u0302\u0303n",
    "😀", "😀😀", "a😀b", " 😀", "👍🏽", "👩\u200d💻", "👨\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "❤\ufe0f", "🇩🇪🇫🇷", "🏴\U000e0067\U000e0062\U000e007f",
    "\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\ue000", "\U000f0000", "\U00010000", "\U0001d400\U0001d401",
    "...", "!!!", "?!", " ...", "a...b", "...\n", "...\r\n\n", "!\n!", ")\n\n(", "--", "->", "=>", "/* */", "//", "#!",
    "{}", "[[]]", "<>", "<|", "|>", "<||>", "_", "__init__", "snake_case", "camelCase", "a.b.c", "a@b.org", "%d", "\\n",
    "ß", "ẞ", "İ", "ı", "ÀÉÎÕÜ", "naïve café", "Ünïcödé", "DŽ", "ﬁn",
    "hello", " hello", "Hello, world!", "hello hello hello", "HELLO", "helloworld", "the the the",
    "a" * 100, " " * 100, "\n" * 100, "1" * 50, "!" * 100, "ab" * 200, "é" * 60, "e\u0301" * 60, " \n" * 50,
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>", "<|im_start|><|im_end|>",
    "<|im_start|>user\nHello<|im_end|>\n", "<|im_start|>assistant\n<think>\n\n</think>\n\ncrane<|im_end|>\n",
    "<|im_start", "im_start|>", "<|im_start|", "<|im_start|><|im_start", "<<|im_start|>>", "<|<|im_end|>|>",
    " <|im_start|> ", "a<|im_end|>b", "<|IM_END|>", "<|im_end|>\u0301", "e<|im_end|>\u0301", "<think", "<think>>",
    "<think></think>", "< think>", "<|im_\u200bend|>", "<|endoftext|><|endoftext|>", "x <think> y </think> z",
    "<\uff5cim_start\uff5c>",
]

BLOCKS = {
    "ascii": [(0x20, 0x7E)], "controls": [(0x00, 0x1F), (0x7F, 0x9F)], "latin": [(0xA0, 0x24F)],
    "greek": [(0x370, 0x3FF)], "cyrillic": [(0x400, 0x4FF)], "armenian": [(0x530, 0x58F)],
    "hebrew": [(0x591, 0x5F4)], "arabic": [(0x600, 0x6FF)], "devanagari": [(0x900, 0x97F)],
    "bengali": [(0x980, 0x9FF)], "tamil": [(0xB80, 0xBFF)], "thai": [(0xE00, 0xE7F)],
    "tibetan": [(0xF00, 0xFBC)], "georgian": [(0x10A0, 0x10FF)], "jamo": [(0x1100, 0x11FF)],
    "ethiopic": [(0x1200, 0x137F)], "khmer": [(0x1780, 0x17E9)], "mongolian": [(0x1800, 0x18A9)],
    "additional": [(0x1E00, 0x1FFF)], "punctuation": [(0x2000, 0x206F)], "symbols": [(0x2070, 0x27BF)],
    "kana": [(0x3041, 0x30FF)], "han": [(0x4E00, 0x9FA5)], "hangul": [(0xAC00, 0xD7A3)],
    "compatibility": [(0xF900, 0xFA2D), (0xFB00, 0xFDFB)], "wide": [(0xFE30, 0xFFEE)],
    "marks": [(0x300, 0x34E), (0x61, 0x7A)], "astral": [(0x10300, 0x1034A), (0x1D400, 0x1D7FF)],
    "emoji": [(0x1F300, 0x1F5FF), (0x1F600, 0x1F64F)],
}
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\u2028", "\x0b", "\x0c", "\x85"]


def is_old(letter):
    return unicodedata.ucd_3_2_0.category(letter) != "Cn" or 0x1F300 <= ord(letter) <= 0x1F64F


LETTERS = {
    name: [chr(c) for low, high in ranges for c in range(low, high + 1) if is_old(chr(c))]
    for name, ranges in BLOCKS.items()
}


def made_words(dice, count):
    """Words of a language that does not exist, the first of them frequent."""
    heads = "b c ch d f fl g gr h j k l m n p pr qu r s st t tr v w y".split() + [""]
    middles = "a e i o u ai ea oo ou ie".split()
    tails = "n r s t l m d ck nd ng st x ".split(" ")
    words = []
    for _ in range(count):
        syllables = dice.choice([1, 2, 2, 3])
        words.append("".join(dice.choice(heads) + dice.choice(middles) + dice.choice(tails)
                             for _ in range(syllables)))
    return words


def training_texts(dice):
    texts = [SENTENCES, CODE] * 6
    words = made_words(dice, 900)
    weights = [1 / (rank + 2) for rank in range(len(words))]
    for _ in range(900):
        sentence = " ".join(dice.choices(words, weights, k=dice.randint(4, 14)))
        texts.append(sentence[:1].upper() + sentence[1:] + dice.choice([".", "?", "!", ";\n", ":\n\n"]))
    return texts


def byte_level(kind, **more):
    return kind.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False, **more)


def train(dice):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated", invert=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level(pre_tokenizers)])
    tokenizer.post_processor = byte_level(processors)
    tokenizer.decoder = byte_level(decoders)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(training_texts(dice), trainer)
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in SPECIAL])
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=False) for text in PLAIN])
    return tokenizer


def random_string(dice, words):
    kind = dice.randrange(8)
    if kind == 0:  # one script, with spaces
        letters = LETTERS[dice.choice(list(LETTERS))] + [" "] * 4
        return "".join(dice.choices(letters, k=dice.randint(1, 24)))
    if kind == 1:  # all scripts mixed
        return "".join(dice.choice(LETTERS[dice.choice(list(LETTERS))]) for _ in range(dice.randint(1, 16)))
    if kind == 2:  # spaces of all kinds around little else
        return "".join(dice.choice(SPACES + ["a", "1", "!", "'"]) for _ in range(dice.randint(1, 16)))
    if kind == 3:  # words, contractions, numbers, emoji, added tokens
        extra = SPECIAL + PLAIN + ["'s", "'LL", "n't", "42", "😀", "👍🏽", "e\u0301", "\n\n", "...", "("]
        parts = [dice.choice(words) if dice.random() < 0.6 else dice.choice(extra)
                 for _ in range(dice.randint(1, 10))]
        return dice.choice(["", " "]).join(parts)
    if kind == 4:  # pieces of the text it was trained on
        text = dice.choice([SENTENCES, CODE])
        start = dice.randrange(len(text))
        return text[start:start + dice.randint(1, 60)]
    if kind == 5:  # letters with marks in any order, which NFC puts in one
        marks = LETTERS["marks"][:60]
        return "".join(dice.choice("aeioucndsz \u0915\u05d1\u304b") + "".join(dice.choices(marks, k=dice.randint(0, 4)))
                       for _ in range(dice.randint(1, 8)))
    if kind == 6:  # ASCII noise, as in code
        return "".join(dice.choice("abcxyzABC0189 \t\n(){}[]<>|/_'\".,;:=+-*&^%$#@!~`\\?") for _ in range(dice.randint(1, 30)))
    return "".join(dice.choice(["<", "|", "im_", "start", "end", "|>", ">", "<|im_end|>", "<think>", "think", "</"])
                   for _ in range(dice.randint(1, 10)))


def random_bytes(dice):
    """Mostly UTF-8, then cut and damaged."""
    text = "".join(dice.choice(LETTERS[dice.choice(list(LETTERS))]) for _ in range(dice.randint(1, 8)))
    data = bytearray(text.encode())
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(data) + 1)
        if dice.random() < 0.5:
            del data[place:place + dice.randint(1, 2)]
        else:
            lead = dice.choice([0x80, 0xBF, 0xC0, 0xC1, 0xC3, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF])
            data[place:place] = bytes([lead] + dice.choices(range(0x80, 0xC0), k=dice.randint(0, 3)))
    return bytes(data)


def expectation(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    entry = {"text": text, "ids": ids}
    decoded = tokenizer.decode(ids, skip_special_tokens=False)
    if decoded != text:
        entry["decoded"] = decoded
    return entry


def main():
    dice = random.Random(20251)
    FOLDER.mkdir(exist_ok=True)
    tokenizer = train(dice)
    tokenizer.save(str(FOLDER / "tokenizer.json"), pretty=False)

    words = made_words(dice, 200) + SENTENCES.split()[:200]
    strings = BY_HAND + SENTENCES.split("\n") + CODE.split("\n") + [SENTENCES, CODE]
    strings += ["".join(letters[i:i + 40]) for name, letters in LETTERS.items() if name not in ("han", "hangul")
                for i in range(0, len(letters), 40)]
    strings += [random_string(dice, words) for _ in range(3000)]
    damaged = [random_bytes(dice) for _ in range(500)]
    strings = list(dict.fromkeys(strings))
    lines = [json.dumps(expectation(tokenizer, text), separators=(",", ":")) for text in strings]
    broken = [json.dumps({"hex": data.hex(), "ids": tokenizer.encode(data.decode(errors="replace")).ids},
                         separators=(",", ":")) for data in damaged]
    with open(FOLDER / "strings.json", "w") as out:
        out.write('{"made_by": "tests/golden/make_tokenizer.py, tokenizers %s",\n' % tokenizers.__version__)
        out.write('"strings": [\n' + ",\n".join(lines) + '],\n"bytes": [\n' + ",\n".join(broken) + "]}\n")
    print(f"{tokenizer.get_vocab_size()} tokens, {len(lines)} strings, {len(broken)} damaged ones")


if __name__ == "__main__":
    main()
