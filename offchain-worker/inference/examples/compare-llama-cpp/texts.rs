//! Texts to tokenise: drawn from a seed, so that every run has the same.
//!
//! Digits that Unicode has since version 16 are in none of them. Which characters are digits is in tables
//! that an engine is built with: those of this llama.cpp are older, as those of the training were.

use serde::Deserialize;
use std::{collections::HashSet, ops::RangeInclusive, sync::LazyLock};

/// Pieces that are drawn as they are; the others are drawn character by character.
#[derive(Deserialize)]
struct Pieces {
    words: Vec<String>,
    numbers: Vec<String>,
    emoji: Vec<String>,
    cjk: Vec<String>,
    code: Vec<String>,
    /// What looks like broken text, or like a tokenizer's own notation.
    odd: Vec<String>,
    /// SmolLM2's special tokens, pieces of them, and those of other models.
    special_tokens: Vec<String>,
}

static PIECES: LazyLock<Pieces> = LazyLock::new(|| {
    serde_json::from_str(include_str!("pieces.json")).expect("the file's lists are those of Pieces")
});

const SEED: u64 = 0x6b61_6761_7269;
/// Most pieces of a text.
const LONGEST: usize = 12;

/// What stands between two pieces; what stands here several times is drawn more often.
const BETWEEN: [&str; 12] = [
    "", "", "", " ", " ", "  ", "\n", "\n\n", "\t", ", ", "'", "-",
];

/// Draws one piece of a text.
type Kind = fn(&mut Draws) -> String;

/// What texts are made of: one kind, or all of them mixed.
const KINDS: [Kind; 11] = [
    word,
    number,
    emoji,
    cjk,
    script,
    marked,
    code,
    white_space,
    control,
    odd,
    special_token,
];

/// Characters with a byte in UTF-8 for which SmolLM2's vocabulary has no token. They yield no ids. In the
/// tokenizer that the model was trained with, their neighbours then meet, and may merge (`!\u{4}!` is one
/// token, `!!`); in llama.cpp they stay apart.
const UNKNOWN: [char; 8] = [
    '\u{4}',
    '\u{6}',
    '\u{13}',
    '\u{14}',
    '\u{16}',
    '\u{1d}',
    '\u{40000}',
    '\u{9abcd}',
];

/// So many texts, no two the same, whose characters SmolLM2's vocabulary has.
pub fn texts(count: usize) -> Vec<String> {
    distinct(count, |draws, number| {
        let kind = KINDS.get(number % (KINDS.len() + 1)).copied();
        text(draws, |draws| kind.unwrap_or_else(|| *draws.of(&KINDS)))
    })
}

/// So many texts, no two the same, with characters that SmolLM2's vocabulary lacks.
pub fn texts_with_unknown_characters(count: usize) -> Vec<String> {
    let unknown: Kind = |draws| draws.of(&UNKNOWN).to_string();
    distinct(count, |draws, _| {
        let mixed = |draws: &mut Draws| match draws.below(2) {
            0 => unknown,
            _ => *draws.of(&KINDS),
        };
        // Something that yields ids comes last.
        text(draws, mixed) + &unknown(draws) + "!"
    })
}

fn distinct(count: usize, text: impl Fn(&mut Draws, usize) -> String) -> Vec<String> {
    let mut draws = Draws(SEED);
    let (mut seen, mut texts) = (HashSet::new(), Vec::with_capacity(count));
    while texts.len() < count {
        let text = text(&mut draws, texts.len());
        if seen.insert(text.clone()) {
            texts.push(text);
        }
    }
    texts
}

fn text(draws: &mut Draws, kind: impl Fn(&mut Draws) -> Kind) -> String {
    let pieces = 1 + draws.below(LONGEST);
    let mut text = kind(draws)(draws);
    for _ in 1..pieces {
        text += *draws.of(&BETWEEN);
        text += &kind(draws)(draws);
    }
    text
}

fn word(draws: &mut Draws) -> String {
    let word = draws.of(&PIECES.words);
    match draws.below(4) {
        0 => letters(draws),
        _ => word.clone(),
    }
}

fn letters(draws: &mut Draws) -> String {
    draws.run(&['a'..='z', 'a'..='z', 'A'..='Z'], 9)
}

fn number(draws: &mut Draws) -> String {
    match draws.below(6) {
        0 => draws.of(&PIECES.numbers).clone(),
        1 => draws.run(&DIGITS, 6),
        _ => draws.run(&['0'..='9'], 12),
    }
}

/// Digits, and other numbers, of many scripts.
const DIGITS: [RangeInclusive<char>; 14] = [
    '٠'..='٩',
    '۰'..='۹',
    '०'..='९',
    '௦'..='௲',
    '๐'..='๙',
    '０'..='９',
    '²'..='³',
    '¼'..='¾',
    '⁴'..='⁹',
    '⅐'..='ↈ',
    '①'..='⓿',
    '❶'..='➓',
    '〇'..='〇',
    '𝟎'..='𝟿',
];

fn emoji(draws: &mut Draws) -> String {
    let one = |draws: &mut Draws| draws.one(&PICTURES).to_string();
    match draws.below(6) {
        0 => one(draws) + &draws.one(&['🏻'..='🏿']).to_string(),
        1 => one(draws) + "\u{200d}" + &one(draws) + "\u{200d}" + &one(draws),
        2 => draws.run(&['🇦'..='🇿'], 4),
        3 => one(draws) + "\u{fe0f}",
        4 => draws.of(&PIECES.emoji).clone(),
        _ => draws.run(&PICTURES, 4),
    }
}

const PICTURES: [RangeInclusive<char>; 6] = [
    '🌀'..='🙏',
    '🚀'..='🛅',
    '🤌'..='🧿',
    '☀'..='⛿',
    '✂'..='➰',
    '⌚'..='⏳',
];

fn cjk(draws: &mut Draws) -> String {
    match draws.below(3) {
        0 => draws.of(&PIECES.cjk).clone(),
        1 => draws.run(&['一'..='鿿'], 8),
        _ => draws.run(&CJK, 8),
    }
}

const CJK: [RangeInclusive<char>; 10] = [
    '一'..='鿿',
    '㐀'..='䶿',
    '𠀀'..='𪛟',
    '\u{f900}'..='\u{fa6d}',
    'ぁ'..='ゖ',
    'ァ'..='ヺ',
    '가'..='힣',
    'ᄀ'..='ᇿ',
    '\u{3000}'..='〿',
    '！'..='ﾟ',
];

fn script(draws: &mut Draws) -> String {
    let one = draws.of(&SCRIPTS).clone();
    draws.run(&[one], 10)
}

const SCRIPTS: [RangeInclusive<char>; 20] = [
    'À'..='ſ',
    'ƀ'..='ɏ',
    'ɐ'..='ʯ',
    'Ͱ'..='Ͽ',
    'Ѐ'..='ӿ',
    'Ա'..='֏',
    'א'..='ת',
    '\u{591}'..='\u{5c7}',
    'ء'..='ي',
    '\u{600}'..='ۿ',
    '\u{900}'..='ॿ',
    'অ'..='হ',
    '\u{b82}'..='௺',
    'ก'..='\u{e3a}',
    'ຂ'..='\u{ecd}',
    'ༀ'..='\u{fbc}',
    'Ⴀ'..='ჿ',
    'ሀ'..='ፚ',
    'ᚠ'..='ᛪ',
    '𐐀'..='𐑏',
];

/// Letters under marks, and characters that only steer how others are shown.
fn marked(draws: &mut Draws) -> String {
    const MARKS: [RangeInclusive<char>; 4] = [
        '\u{300}'..='\u{36f}',
        '\u{200b}'..='\u{200f}',
        '\u{202a}'..='\u{202e}',
        '\u{fe00}'..='\u{fe0f}',
    ];
    match draws.below(4) {
        0 => draws
            .of(&[
                "\u{feff}", "\u{ad}", "\u{2060}", "\u{2066}", "\u{2069}", "\u{61c}",
            ])
            .to_string(),
        1 => draws.run(&MARKS, 6),
        _ => letters(draws) + &draws.run(&MARKS, 5),
    }
}

fn code(draws: &mut Draws) -> String {
    let snippet = draws.of(&PIECES.code);
    match draws.below(5) {
        0 => draws.run(&['!'..='/', ':'..='@', '['..='`', '{'..='~'], 8),
        1 => " ".repeat(draws.below(17)) + snippet,
        _ => snippet.clone(),
    }
}

fn white_space(draws: &mut Draws) -> String {
    const SPACES: [RangeInclusive<char>; 11] = [
        ' '..=' ',
        ' '..=' ',
        '\t'..='\r',
        '\u{85}'..='\u{85}',
        '\u{a0}'..='\u{a0}',
        '\u{1680}'..='\u{1680}',
        '\u{2000}'..='\u{200b}',
        '\u{2028}'..='\u{2029}',
        '\u{202f}'..='\u{202f}',
        '\u{205f}'..='\u{205f}',
        '\u{3000}'..='\u{3000}',
    ];
    match draws.below(5) {
        0 => draws.run(&SPACES, 6),
        1 => " ".repeat(1 + draws.below(40)),
        2 => draws
            .of(&["\r\n", "\n\n\n", "\t\t", " \n ", "\n\t", "\r"])
            .to_string(),
        3 => draws.run(&SPACES, 3) + &letters(draws),
        _ => draws.run(&SPACES, 3) + &number(draws),
    }
}

fn control(draws: &mut Draws) -> String {
    let some = draws.run(&['\0'..='\u{1f}', '\u{7f}'..='\u{9f}'], 5);
    let some: String = some.chars().filter(|c| !UNKNOWN.contains(c)).collect();
    match draws.below(2) {
        0 => some + "\u{1b}[31m",
        _ => some + &word(draws),
    }
}

fn odd(draws: &mut Draws) -> String {
    const RARE: [RangeInclusive<char>; 6] = [
        '\u{fff0}'..='\u{ffff}',
        '\u{e000}'..='\u{f8ff}',
        '\u{fdd0}'..='\u{fdef}',
        '\u{e0020}'..='\u{e007f}',
        '\u{f0000}'..='\u{fffff}',
        '\u{100000}'..='\u{10ffff}',
    ];
    match draws.below(3) {
        0 => draws.run(&RARE, 4),
        _ => draws.of(&PIECES.odd).clone(),
    }
}

fn special_token(draws: &mut Draws) -> String {
    let token = draws.of(&PIECES.special_tokens);
    match draws.below(4) {
        0 => letters(draws) + token + &letters(draws),
        1 => format!(" {token} "),
        2 => cut(token, draws),
        _ => token.clone(),
    }
}

/// The beginning of a token, which is ASCII.
fn cut(token: &str, draws: &mut Draws) -> String {
    token[..=draws.below(token.len())].to_owned()
}

/// Numbers drawn from a seed: splitmix64.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<'a, T>(&mut self, some: &'a [T]) -> &'a T {
        &some[self.below(some.len())]
    }

    /// A character of one of these ranges.
    fn one(&mut self, ranges: &[RangeInclusive<char>]) -> char {
        let range = self.of(ranges);
        let (first, last) = (u32::from(*range.start()), u32::from(*range.end()));
        let drawn = first + self.below((last - first + 1) as usize) as u32;
        char::from_u32(drawn).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// One character of these ranges, or so many at most.
    fn run(&mut self, ranges: &[RangeInclusive<char>], most: usize) -> String {
        (0..=self.below(most)).map(|_| self.one(ranges)).collect()
    }
}
