//! Step splitting against PURE, and the tokenizer it rests on.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use minform_text::steps::{
    PrmInput, Separators, TextSeparator, close_truncated, newline_id, prm_input, split, split_text,
};
use minform_text::tokenizer::Tokenizer;
use proptest::prelude::*;
use serde::Deserialize;

const NEWLINE: u32 = 7;
const EOS: u32 = 1;

fn separators() -> Separators {
    Separators::from_ids([5, 6, 9, 10])
}

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    prompt_ids: Vec<u32>,
    generated_ids: Vec<u32>,
    sequence_after_process: Vec<u32>,
    step_end_exclusive: Vec<usize>,
    reward_mask: Vec<u8>,
    num_steps: usize,
    num_tokens_per_step: Vec<usize>,
    prm_input_ids: Vec<u32>,
}

#[test]
fn splits_and_inputs_equal_those_of_pure() {
    let golden: Golden = serde_json::from_str(include_str!("fixtures/steps/golden.json")).unwrap();
    assert_eq!(golden.cases.len(), 7);
    for case in golden.cases {
        let mut response = case.generated_ids;
        close_truncated(&mut response, EOS);
        assert_eq!([case.prompt_ids.clone(), response.clone()].concat(), case.sequence_after_process, "{}", case.name);
        let steps = split(&response, &separators(), &[EOS]);
        let ends: Vec<usize> = case.step_end_exclusive.iter().map(|end| end - 1).collect();
        let marked: Vec<usize> = (0..case.reward_mask.len()).filter(|&at| case.reward_mask[at] == 1).collect();
        assert_eq!(steps.ends, ends, "{}", case.name);
        assert_eq!(steps.ends, marked, "{}", case.name);
        assert_eq!(steps.len(), case.num_steps, "{}", case.name);
        assert_eq!(steps.lengths, case.num_tokens_per_step, "{}", case.name);
        assert!(!steps.is_open());
        let input = prm_input(&case.prompt_ids, &response, &steps, NEWLINE);
        assert_eq!(input.ids, case.prm_input_ids, "{}", case.name);
        let positions: Vec<usize> = ends.iter().map(|end| end + case.prompt_ids.len()).collect();
        assert_eq!(input.positions, positions, "{}", case.name);
    }
}

#[test]
fn zero_tokens_are_zero_steps() {
    let steps = split(&[], &separators(), &[EOS]);
    assert!(steps.is_empty() && !steps.is_open() && steps.tokens() == 0);
    assert_eq!(prm_input(&[8], &[], &steps, NEWLINE), PrmInput { ids: vec![8], positions: vec![], start: 1 });
}

#[test]
fn truncated_last_step_keeps_its_last_token_and_gets_a_newline() {
    let response = [2, 5, 3, 4];
    let steps = split(&response, &separators(), &[EOS]);
    assert_eq!((steps.ends.as_slice(), steps.lengths.as_slice()), ([1, 3].as_slice(), [1, 2].as_slice()));
    assert!(steps.is_open());
    let input = prm_input(&[8], &response, &steps, NEWLINE);
    assert_eq!(input, PrmInput { ids: vec![8, 2, 7, 3, 4, 7], positions: vec![2, 5], start: 1 });
}

#[test]
fn truncation_on_a_separator_closes_the_last_step() {
    let response = [2, 5, 3, 6];
    let steps = split(&response, &separators(), &[EOS]);
    assert_eq!((steps.ends.as_slice(), steps.lengths.as_slice()), ([1, 3].as_slice(), [1, 1].as_slice()));
    assert_eq!(prm_input(&[], &response, &steps, NEWLINE).ids, [2, 7, 3, 7]);
}

#[test]
fn tokens_after_the_end_of_sequence_belong_to_no_step() {
    let response = [2, EOS, 5, 3];
    let steps = split(&response, &separators(), &[EOS]);
    assert_eq!(steps.ends, [1]);
    assert_eq!(prm_input(&[8], &response, &steps, NEWLINE).ids, [8, 2, 7]);
}

#[test]
fn closing_leaves_a_finished_or_empty_response_alone() {
    let mut response = vec![2, EOS];
    close_truncated(&mut response, EOS);
    assert_eq!(response, [2, EOS]);
    let mut response = Vec::new();
    close_truncated(&mut response, EOS);
    assert!(response.is_empty());
}

proptest! {
    #[test]
    fn steps_cover_the_response_without_gap_or_overlap(response in prop::collection::vec(0_u32..11, 0..40)) {
        let steps = split(&response, &separators(), &[EOS]);
        let used = response.iter().position(|&id| id == EOS).map_or(response.len(), |at| at + 1);
        prop_assert_eq!(steps.tokens(), used);
        prop_assert!(steps.ends.is_sorted_by(|a, b| a < b));
        let closed = steps.len() - usize::from(steps.is_open());
        prop_assert_eq!(steps.lengths.iter().sum::<usize>() + closed, used);
        let input = prm_input(&[8, 8], &response, &steps, NEWLINE);
        prop_assert_eq!(input.ids.len(), 2 + used + usize::from(steps.is_open()));
        prop_assert_eq!(input.positions.len(), steps.len());
        prop_assert!(input.positions.iter().all(|&at| input.ids[at] == NEWLINE));
    }
}

#[test]
fn text_splits_on_blank_lines() {
    assert_eq!(split_text("a\nb\n\n \t\n\nc\r\n\r\nd\n"), ["a\nb", "c", "d"]);
    assert!(split_text(" \n\n").is_empty());
    assert_eq!(TextSeparator::Newline.split("a\n\n b \n"), ["a", "b"]);
    assert_eq!(TextSeparator::BlankLine.split("a\n\nb"), ["a", "b"]);
}

/// GPT-2's printable stand-in for a byte.
fn stand_in(byte: u8) -> char {
    let printable = |b: u8| matches!(b, 33..=126 | 161..=172 | 174..=255);
    let rank = u32::try_from((0..byte).filter(|&b| !printable(b)).count()).unwrap();
    if printable(byte) { char::from(byte) } else { char::from_u32(256 + rank).unwrap() }
}

/// A byte-level tokenizer: 256 bytes, then "ĊĊ", ".ĊĊ", "ab" and an added end of sequence.
fn tokenizer() -> Tokenizer {
    let mut vocabulary = serde_json::Map::new();
    for byte in 0..=255_u8 {
        vocabulary.insert(stand_in(byte).to_string(), byte.into());
    }
    for (token, id) in [("ĊĊ", 256), (".ĊĊ", 257), ("ab", 258)] {
        vocabulary.insert(token.to_owned(), id.into());
    }
    let byte_level =
        serde_json::json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let json = serde_json::json!({
        "version": "1.0", "normalizer": null, "post_processor": null,
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": null, "pre_tokenizer": byte_level, "decoder": byte_level,
        "added_tokens": [{"id": 300, "content": "<eos>", "special": true, "single_word": false,
                          "lstrip": false, "rstrip": false, "normalized": false}],
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                  "vocab": vocabulary, "merges": ["Ċ Ċ", ". ĊĊ", "a b"]},
    });
    Tokenizer::from_json(json.to_string().as_bytes()).unwrap()
}

#[test]
fn tokenizer_reads_special_tokens_and_never_truncates() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode("abc.\n\nd<eos>").unwrap();
    assert_eq!(ids[0], 258);
    assert!(ids.len() > 3 && ids.contains(&257));
    // Added tokens follow the vocabulary, whatever the file says.
    let eos = tokenizer.id_of("<eos>").unwrap();
    assert_eq!(ids.last(), Some(&eos));
    assert_eq!(tokenizer.vocabulary_size(), eos as usize + 1);
    assert_eq!(tokenizer.decode(&ids).unwrap(), "abc.\n\nd");
    assert_eq!(tokenizer.decode_with_special(&ids).unwrap(), "abc.\n\nd<eos>");
    assert_eq!(tokenizer.text_of(eos), "<eos>");
    assert_eq!(tokenizer.text_of(9999), "");
    let again = Tokenizer::from_json(tokenizer.to_json().unwrap().as_bytes()).unwrap();
    assert_eq!(again.encode("abc.\n\nd<eos>").unwrap(), ids);
}

#[test]
fn separators_and_newline_come_from_the_vocabulary() {
    let tokenizer = tokenizer();
    let separators = Separators::from_tokenizer(&tokenizer);
    assert_eq!(separators.ids(), [256, 257]);
    assert_eq!(newline_id(&tokenizer).unwrap(), 10);
}

#[test]
fn steps_given_as_text_are_tokenised_one_by_one() {
    let input = PrmInput::from_texts(&tokenizer(), "a", &["b", "", "ab"], 10).unwrap();
    let (a, b) = (u32::from(b'a'), u32::from(b'b'));
    assert_eq!(input, PrmInput { ids: vec![a, b, 10, 10, 258, 10], positions: vec![2, 3, 5], start: 1 });
    assert_eq!(input.steps().collect::<Vec<_>>(), [1..3, 3..4, 4..6]);
    let mut input = input.with_bos(300);
    assert_eq!((input.ids[0], input.positions.as_slice()), (300, [3, 4, 6].as_slice()));
    input.truncate(5);
    assert_eq!((input.ids.len(), input.positions.as_slice()), (5, [3, 4].as_slice()));
}

#[test]
fn stream_holds_back_unfinished_characters() {
    let tokenizer = tokenizer();
    let mut stream = tokenizer.stream();
    let handed: Vec<Option<String>> = tokenizer.encode("aé🙂").unwrap().into_iter().map(|id| stream.push(id)).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(handed, [text("a"), None, text("é"), None, None, None, text("🙂")]);
    assert_eq!(stream.finish(), None);
    stream.push(0xF0);
    assert_eq!(stream.finish(), text("\u{fffd}"));
}

proptest! {
    #[test]
    fn stream_hands_out_the_whole_text(text in "[a-cé🙂\n]{0,12}") {
        let tokenizer = tokenizer();
        let mut stream = tokenizer.stream();
        let mut handed: String = tokenizer.encode(&text).unwrap().into_iter().filter_map(|id| stream.push(id)).collect();
        handed.extend(stream.finish());
        prop_assert_eq!(handed, text);
    }

    #[test]
    fn stream_survives_any_ids(ids in prop::collection::vec(0_u32..400, 0..40)) {
        let mut stream = tokenizer().stream();
        for id in ids {
            stream.push(id);
        }
        stream.finish();
    }
}

#[test]
fn broken_tokenizer_files_are_refused_with_a_remedy() {
    for bytes in [&b""[..], b"{}", b"[1, 2]", b"\xff\xfe"] {
        let error = Tokenizer::from_json(bytes).unwrap_err().to_string();
        assert!(error.contains("tokenizer.json"), "{error}");
    }
}

#[test]
fn text_is_split_at_a_separator_of_ones_own() {
    let split = |separator: &str| minform_text::steps::split_text_at(" a\nb\n\n## c ##\n", separator);
    assert_eq!(split("\n\n"), ["a\nb", "## c ##"]);
    assert_eq!(split("\n"), ["a", "b", "## c ##"]);
    assert_eq!(split("##"), ["a\nb", "c"]);
    assert_eq!(split(""), ["a\nb\n\n## c ##"]);
}

#[test]
fn sentences_keep_their_marks() {
    let split = |text: &str| minform_text::steps::split_text_at(text, ". ");
    assert_eq!(
        split("We add. Is 1 + 1 = 2? Yes!\nSo 3.5 it is.\n\n\\boxed{3.5}"),
        ["We add.", "Is 1 + 1 = 2?", "Yes!", "So 3.5 it is.", "\\boxed{3.5}"]
    );
    assert_eq!(split("first\n\nsecond"), ["first", "second"]);
    assert_eq!(split(" . ä. ö"), [".", "ä.", "ö"]);
    assert!(split("").is_empty());
}

#[test]
fn steps_are_split_by_a_pattern() {
    let split = |pattern: &str| minform_text::steps::split_text_by("Step 1: a Step 22: b. ", pattern);
    assert_eq!(split(r"Step \d+:").unwrap(), ["a", "b."]);
    assert_eq!(split(r"[.!?]\s+").unwrap(), ["Step 1: a Step 22: b"]);
    assert!(split("(").unwrap_err().to_string().starts_with("not a regular expression"));
    assert!(split(r"(((a{99}){99}){99}){99}").is_err());
    // What takes other engines for ever.
    let long = "a".repeat(20_000);
    assert_eq!(minform_text::steps::split_text_by(&long, "(a+)+b").unwrap(), [long.as_str()]);
}
