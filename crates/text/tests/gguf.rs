//! GGUF files: hand-written ones, ones of the reference implementation, and a real one if it is at hand.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise, its helpers too")]

use minform_text::gguf::{Gguf, GgufError, HfModel, TensorType, dequantise, to_hf};
use serde_json::Value as Json;
use tokenizers::Tokenizer;

/// A GGUF file under construction.
#[derive(Clone, Default)]
struct Writer {
    metadata: Vec<Vec<u8>>,
    tensors: Vec<(String, Vec<usize>, u32, Vec<u8>)>,
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

fn entry(key: &str, value_type: u32, value: &[u8]) -> Vec<u8> {
    [&text(key)[..], &value_type.to_le_bytes(), value].concat()
}

fn array(item_type: u32, items: &[Vec<u8>]) -> Vec<u8> {
    [&item_type.to_le_bytes()[..], &(items.len() as u64).to_le_bytes(), &items.concat()].concat()
}

impl Writer {
    fn raw(mut self, key: &str, value_type: u32, value: &[u8]) -> Self {
        self.metadata.push(entry(key, value_type, value));
        self
    }

    fn integer(self, key: &str, value: u32) -> Self {
        self.raw(key, 4, &value.to_le_bytes())
    }

    fn float(self, key: &str, value: f32) -> Self {
        self.raw(key, 6, &value.to_le_bytes())
    }

    fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, 8, &text(value))
    }

    fn texts(self, key: &str, values: &[&str]) -> Self {
        self.raw(key, 9, &array(8, &values.iter().map(|value| text(value)).collect::<Vec<_>>()))
    }

    fn integers(self, key: &str, values: &[i32]) -> Self {
        self.raw(key, 9, &array(5, &values.iter().map(|value| value.to_le_bytes().to_vec()).collect::<Vec<_>>()))
    }

    /// An F32 tensor; the shape is row-major and turned round in the file.
    fn tensor(mut self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensors.push((name.to_owned(), shape.to_vec(), 0, bytes));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((self.metadata.len() as u64).to_le_bytes());
        file.extend(self.metadata.concat());
        let mut data = Vec::new();
        for (name, shape, tensor_type, bytes) in &self.tensors {
            file.extend(text(name));
            file.extend((shape.len() as u32).to_le_bytes());
            file.extend(shape.iter().rev().flat_map(|&axis| (axis as u64).to_le_bytes()));
            file.extend(tensor_type.to_le_bytes());
            file.extend((data.len() as u64).to_le_bytes());
            data.extend(bytes);
            data.resize(data.len().next_multiple_of(32), 0);
        }
        file.resize(file.len().next_multiple_of(32), 0);
        file.extend(data);
        file
    }
}

/// `count` different numbers.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| i as f32).collect()
}

/// The order in which llama.cpp's converter stores rows: reshape(heads, 2, width / 2), swap the last two axes.
fn interleaved(values: &[f32], rows: usize, heads: usize) -> Vec<f32> {
    let (columns, width) = (values.len() / rows, rows / heads);
    let mut stored = Vec::new();
    for head in 0..heads {
        for i in 0..width / 2 {
            for part in 0..2 {
                let row = head * width + part * width / 2 + i;
                stored.extend(&values[row * columns..][..columns]);
            }
        }
    }
    stored
}

const TOKENS: [&str; 9] = ["<|end|>", "a", "b", "Ġ", "1", "2", "ab", "Ġab", "[PAD8]"];

/// A one-layer model: 2 heads of width 4 with one key-value head, hidden width 8, feed-forward width 12.
fn tiny(family: &str) -> Writer {
    let key = |name: &str| format!("{family}.{name}");
    let stored = |count, rows, heads| match family {
        "llama" => interleaved(&numbers(count), rows, heads),
        _ => numbers(count),
    };
    Writer::default()
        .text("general.architecture", family)
        .integer(&key("block_count"), 1)
        .integer(&key("context_length"), 64)
        .integer(&key("embedding_length"), 8)
        .integer(&key("feed_forward_length"), 12)
        .integer(&key("attention.head_count"), 2)
        .integer(&key("attention.head_count_kv"), 1)
        .float(&key("attention.layer_norm_rms_epsilon"), 1e-5)
        .text("tokenizer.ggml.model", "gpt2")
        .text("tokenizer.ggml.pre", "smollm")
        .texts("tokenizer.ggml.tokens", &TOKENS)
        .integers("tokenizer.ggml.token_type", &[3, 1, 1, 1, 1, 1, 1, 1, 5])
        .texts("tokenizer.ggml.merges", &["a b", "Ġ ab"])
        .integer("tokenizer.ggml.eos_token_id", 0)
        .text("tokenizer.chat_template", "{{ messages }}")
        .tensor("token_embd.weight", &[9, 8], &numbers(72))
        .tensor("output_norm.weight", &[8], &numbers(8))
        .tensor("blk.0.attn_norm.weight", &[8], &numbers(8))
        .tensor("blk.0.attn_q.weight", &[8, 8], &stored(64, 8, 2))
        .tensor("blk.0.attn_k.weight", &[4, 8], &stored(32, 4, 1))
        .tensor("blk.0.attn_v.weight", &[4, 8], &numbers(32))
        .tensor("blk.0.attn_output.weight", &[8, 8], &numbers(64))
        .tensor("blk.0.ffn_norm.weight", &[8], &numbers(8))
        .tensor("blk.0.ffn_gate.weight", &[12, 8], &numbers(96))
        .tensor("blk.0.ffn_up.weight", &[12, 8], &numbers(96))
        .tensor("blk.0.ffn_down.weight", &[8, 12], &numbers(96))
}

fn tiny_qwen2() -> Writer {
    tiny("qwen2").tensor("blk.0.attn_q.bias", &[8], &numbers(8)).tensor("blk.0.attn_k.bias", &[4], &numbers(4)).tensor(
        "blk.0.attn_v.bias",
        &[4],
        &numbers(4),
    )
}

fn error_of(writer: &Writer) -> String {
    let bytes = writer.bytes();
    let converted = Gguf::parse(&bytes).and_then(|gguf| to_hf(&gguf).map(|_| ()));
    converted.expect_err("the file should be refused").to_string()
}

fn values(model: &HfModel<'_>, name: &str) -> Vec<f32> {
    let index = model.tensors.iter().position(|tensor| tensor.name == name).expect(name);
    model.tensor(index).unwrap()
}

fn tokenizer(model: &HfModel<'_>) -> Tokenizer {
    model.tokenizer_json.parse().unwrap()
}

fn ids(tokenizer: &Tokenizer, text: &str, special: bool) -> Vec<u32> {
    tokenizer.encode(text, special).unwrap().get_ids().to_vec()
}

mod gguf_parsing {
    use super::*;
    use minform_text::gguf::Value;

    #[test]
    fn values_of_every_type_are_read() {
        let writer = Writer::default()
            .raw("u8", 0, &[200])
            .raw("i8", 1, &[255])
            .raw("u16", 2, &[1, 2])
            .raw("bool", 7, &[1])
            .raw("f64", 12, &0.5_f64.to_le_bytes())
            .raw("i64", 11, &7_i64.to_le_bytes())
            .float("f32", 1e-5)
            .raw("nested", 9, &array(9, &[array(0, &[vec![1], vec![2]]), array(0, &[])]))
            .text("text", "naïve");
        let bytes = writer.bytes();
        let gguf = Gguf::parse(&bytes).unwrap();
        assert_eq!(gguf.metadata("i8"), Some(&Value::I8(-1)));
        assert_eq!(gguf.integer("u8").unwrap(), Some(200));
        assert_eq!(gguf.integer("u16").unwrap(), Some(513));
        assert_eq!(gguf.integer("i64").unwrap(), Some(7));
        assert_eq!(gguf.boolean("bool").unwrap(), Some(true));
        assert_eq!(gguf.float("f64").unwrap(), Some(0.5));
        assert_eq!(gguf.float("f32").unwrap(), Some(1e-5));
        assert_eq!(gguf.text("text").unwrap(), Some("naïve"));
        assert_eq!(gguf.text("absent").unwrap(), None);
        let nested: Vec<u64> =
            gguf.array("nested").unwrap().unwrap().iter().map(|v| v.as_array().unwrap().len()).collect();
        assert_eq!(nested, [2, 0]);
        assert!(
            gguf.integer("i8").unwrap_err().to_string().contains("`i8` holds I8(-1), expected a non-negative integer")
        );
    }

    #[test]
    fn shapes_are_row_major_and_bytes_lie_where_the_file_says() {
        let bytes = Writer::default().tensor("a", &[2, 3], &numbers(6)).tensor("b", &[1], &[9.0]).bytes();
        let gguf = Gguf::parse(&bytes).unwrap();
        assert_eq!(gguf.version(), 3);
        assert_eq!(gguf.tensors()[0].shape, [2, 3]);
        assert_eq!(gguf.tensor("b").unwrap().bytes, 9.0_f32.to_le_bytes());
        assert_eq!(gguf.tensor("b").unwrap().tensor_type, TensorType::F32);
    }

    #[test]
    fn alignment_of_the_file_is_kept() {
        let mut bytes = Writer::default().integer("general.alignment", 64).tensor("a", &[1], &[5.0]).bytes();
        let data = bytes.split_off(bytes.len() - 32);
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        bytes.extend(data);
        assert_eq!(Gguf::parse(&bytes).unwrap().tensors()[0].bytes, 5.0_f32.to_le_bytes());
        assert!(error_of(&Writer::default().integer("general.alignment", 0)).contains("not a power of two"));
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let message = |bytes: &[u8]| Gguf::parse(bytes).unwrap_err().to_string();
        assert!(message(b"PK\x03\x04 zip").contains("not a GGUF file"));
        assert!(message(b"").contains("not a GGUF file"));
        assert!(message(b"GGUF\0\0\0\x03").contains("big-endian"));
        assert!(message(b"GGUF\x01\0\0\0").contains("version 1"));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = tiny("llama").bytes();
        // The last tensor ends 0 bytes before the end: 96 values are whole alignment units.
        for end in 0..bytes.len() {
            assert!(Gguf::parse(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
        }
        let error = Gguf::parse(&bytes[..bytes.len() - 1]).unwrap_err();
        assert!(
            matches!(&error, GgufError::Truncated { what, .. } if what.contains("blk.0.ffn_down.weight")),
            "{error}"
        );
    }

    #[test]
    fn huge_counts_are_errors_and_allocate_nothing() {
        let huge = u64::MAX.to_le_bytes();
        let header = |tensors: [u8; 8], metadata: [u8; 8]| [b"GGUF\x03\0\0\0", &tensors[..], &metadata].concat();
        assert!(Gguf::parse(&header(huge, [0; 8])).is_err());
        assert!(Gguf::parse(&header([0; 8], huge)).is_err());
        let long_text = [&header([0; 8], 1_u64.to_le_bytes())[..], &huge].concat();
        assert!(Gguf::parse(&long_text).is_err());
        let long_array = [&0_u32.to_le_bytes()[..], &huge].concat();
        assert!(
            error_of(&Writer::default().raw("long", 9, &long_array))
                .contains("the file ends inside the value of metadata key `long`")
        );
    }

    #[test]
    fn damaged_values_are_named() {
        let bad_text = [&1_u64.to_le_bytes()[..], &[0xff]].concat();
        assert!(
            error_of(&Writer::default().raw("k", 8, &bad_text))
                .contains("the value of metadata key `k` at byte 45 is not UTF-8")
        );
        assert!(error_of(&Writer::default().raw("k", 7, &[2])).contains("neither 0 nor 1"));
        assert!(error_of(&Writer::default().raw("k", 99, &[2])).contains("unknown value type 99"));
        assert!(error_of(&Writer::default().integer("k", 1).integer("k", 2)).contains("`k`: appears twice"));
        let mut deep = array(0, &[]);
        for _ in 0..5 {
            deep = array(9, &[deep]);
        }
        assert!(error_of(&Writer::default().raw("k", 9, &deep)).contains("nested deeper"));
    }

    #[test]
    fn impossible_tensors_are_named() {
        let with = |shape: &[usize], tensor_type: u32| {
            let mut writer = Writer::default();
            writer.tensors.push(("t".to_owned(), shape.to_vec(), tensor_type, vec![0; 64]));
            error_of(&writer)
        };
        assert!(with(&[2, 0], 0).contains("tensor `t`: has an axis of length 0"));
        assert!(with(&[1; 5], 0).contains("has 5 dimensions"));
        assert!(with(&[usize::MAX, 32], 2).contains("impossible shape"));
        assert!(with(&[33], 8).contains("rows of 33 values, but Q8_0 comes in blocks of 32"));
        assert!(with(&[32], 20).contains("`t` is stored as IQ4_NL, which is not decoded; use a file in one of F32"));
        assert!(with(&[64], 0).contains("the file ends inside tensor `t`"));
        let twice = Writer::default().tensor("t", &[1], &[0.0]).tensor("t", &[1], &[0.0]);
        assert!(error_of(&twice).contains("`t`: appears twice"));
    }

    proptest::proptest! {
        #[test]
        fn damaged_files_never_panic(at in 0_usize..4000, value: u8, wide: bool) {
            let mut bytes = tiny_qwen2().bytes();
            let at = at % (bytes.len() - 8);
            bytes[at..at + if wide { 8 } else { 1 }].fill(value);
            if let Ok(model) = Gguf::parse(&bytes).and_then(|gguf| to_hf(&gguf)) {
                for index in 0..=model.tensors.len() {
                    let _ = model.tensor(index);
                }
            }
        }
    }
}

mod gguf_dequantise {
    use super::*;

    const TYPES: [TensorType; 11] = [
        TensorType::F32,
        TensorType::F16,
        TensorType::BF16,
        TensorType::Q4_0,
        TensorType::Q4_1,
        TensorType::Q5_0,
        TensorType::Q5_1,
        TensorType::Q8_0,
        TensorType::Q4_K,
        TensorType::Q5_K,
        TensorType::Q6_K,
    ];

    fn bytes(hex: &Json) -> Vec<u8> {
        let hex = hex.as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn every_type_agrees_with_the_reference_bit_for_bit() {
        let cases: Json = serde_json::from_str(include_str!("fixtures/gguf/blocks.json")).unwrap();
        assert_eq!(cases.as_object().unwrap().len(), TYPES.len());
        for kind in TYPES {
            let case = &cases[kind.to_string()];
            let expected = bytes(&case["values"]);
            let found = dequantise(kind, &bytes(&case["stored"]), expected.len() / 4).unwrap();
            let found: Vec<u8> = found.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert_eq!(found, expected, "{kind}");
        }
    }

    #[test]
    fn wrong_sizes_are_errors() {
        for kind in TYPES {
            let (values, size) = (kind.block_values(), kind.block_bytes());
            assert!(dequantise(kind, &vec![0; size - 1], values).is_err());
            assert!(dequantise(kind, &vec![0; size], values + 1).is_err());
            assert!(dequantise(kind, &vec![0; size], usize::MAX).is_err());
            assert!(dequantise(kind, &[], 0).unwrap().is_empty());
        }
        let error = dequantise(TensorType::Q4_0, &[0; 18], 33).unwrap_err();
        assert_eq!(
            error.to_string(),
            "33 values of Q4_0 need a multiple of 32 values, got 18 bytes; pass exactly the bytes of the tensor"
        );
    }
}

mod gguf_conversion {
    use super::*;

    #[test]
    fn llama_queries_and_keys_return_to_half_split_order() {
        let bytes = tiny("llama").bytes();
        let model = to_hf(&Gguf::parse(&bytes).unwrap()).unwrap();
        assert_ne!(interleaved(&numbers(64), 8, 2), numbers(64));
        assert_eq!(values(&model, "model.layers.0.self_attn.q_proj.weight"), numbers(64));
        assert_eq!(values(&model, "model.layers.0.self_attn.k_proj.weight"), numbers(32));
        assert_eq!(values(&model, "model.layers.0.mlp.down_proj.weight"), numbers(96));
    }

    #[test]
    fn llama_names_and_configuration_are_those_of_transformers() {
        let bytes = tiny("llama").tensor("output.weight", &[9, 8], &numbers(72)).bytes();
        let model = to_hf(&Gguf::parse(&bytes).unwrap()).unwrap();
        let names: Vec<&str> = model.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names[..2], ["model.embed_tokens.weight", "model.layers.0.input_layernorm.weight"]);
        assert_eq!(names[10..], ["model.norm.weight", "lm_head.weight"]);
        let config = &model.config;
        assert_eq!(config["architectures"][0], "LlamaForCausalLM");
        assert_eq!(config["model_type"], "llama");
        assert_eq!(config["head_dim"], 4);
        assert_eq!(config["rms_norm_eps"], 1e-5);
        assert_eq!(config["rope_theta"], 10_000.0);
        assert_eq!(config["tie_word_embeddings"], false);
        assert_eq!(config["attention_bias"], false);
        assert_eq!(config["rope_scaling"], Json::Null);
        assert_eq!(model.generation_config["eos_token_id"], 0);
        assert_eq!(model.tokenizer_config["chat_template"], "{{ messages }}");
        assert_eq!(model.tokenizer_config["eos_token"], "<|end|>");
    }

    #[test]
    fn qwen2_keeps_its_order_and_has_biases() {
        let bytes = tiny_qwen2().bytes();
        let model = to_hf(&Gguf::parse(&bytes).unwrap()).unwrap();
        assert_eq!(values(&model, "model.layers.0.self_attn.q_proj.weight"), numbers(64));
        assert_eq!(values(&model, "model.layers.0.self_attn.k_proj.bias"), numbers(4));
        assert_eq!(model.config["architectures"][0], "Qwen2ForCausalLM");
        assert_eq!(model.config["tie_word_embeddings"], true);
        assert!(error_of(&tiny("qwen2")).contains("tensor `blk.0.attn_q.bias` is missing"));
    }

    #[test]
    fn scaled_rotations_are_found() {
        let scaling = |writer: &Writer| {
            let bytes = writer.bytes();
            to_hf(&Gguf::parse(&bytes).unwrap()).unwrap().config["rope_scaling"].clone()
        };
        let yarn = tiny("llama")
            .text("llama.rope.scaling.type", "yarn")
            .float("llama.rope.scaling.factor", 4.0)
            .integer("llama.rope.scaling.original_context_length", 16);
        assert_eq!(scaling(&yarn)["original_max_position_embeddings"], 16);
        // With base 1e8, the two waves of a head of width 4 are 2π and 2π·10⁴ positions long.
        let divisors = [1.0, 8.0];
        let llama3 = tiny("llama").float("llama.rope.freq_base", 1e8).tensor("rope_freqs.weight", &[2], &divisors);
        assert_eq!(scaling(&llama3)["rope_type"], "llama3");
        assert_eq!(scaling(&llama3)["factor"], 8.0);
        assert!(error_of(&tiny("llama").tensor("rope_freqs.weight", &[2], &[2.0, 8.0])).contains("is not the table"));
    }

    #[test]
    fn what_cannot_be_converted_is_named() {
        assert!(error_of(&Writer::default()).contains("`general.architecture` is missing"));
        assert!(error_of(&tiny("gemma")).contains("architecture `gemma` is not converted, only llama and qwen2"));
        assert!(error_of(&tiny("llama").tensor("blk.0.ffn_gate_inp.weight", &[1], &[0.0])).contains("has no place"));
        assert!(
            error_of(&tiny("llama").tensor("blk.1.attn_norm.weight", &[8], &numbers(8)))
                .contains("`blk.1.attn_norm.weight`: has no place")
        );
        assert!(error_of(&tiny("llama").integer("llama.expert_count", 8)).contains("mixtures of experts"));
        let mut reshaped = tiny("llama");
        reshaped.tensors[3].1 = vec![4, 16];
        assert!(
            error_of(&reshaped).contains("`blk.0.attn_q.weight`: has shape [4, 16], but the metadata asks for [8, 8]")
        );
    }

    #[test]
    fn byte_level_tokenizers_use_merges_single_digits_and_special_tokens() {
        let bytes = tiny("llama").bytes();
        let tokenizer = tokenizer(&to_hf(&Gguf::parse(&bytes).unwrap()).unwrap());
        assert_eq!(ids(&tokenizer, "ab ab12<|end|>", true), [6, 7, 4, 5, 0]);
        assert_eq!(tokenizer.decode(&[6, 7, 0], true).unwrap(), "ab ab");
        assert_eq!(tokenizer.token_to_id("[PAD8]"), None, "unused places are no tokens");
    }

    #[test]
    fn every_known_way_of_cutting_words_loads() {
        for (pre, expected) in [("gpt-2", vec![0]), ("qwen2", vec![0]), ("llama-bpe", vec![0, 0])] {
            let mut writer = tiny("llama").integer("tokenizer.ggml.bos_token_id", 0);
            writer.metadata.retain(|found| !found.starts_with(&text("tokenizer.ggml.pre")));
            let bytes = writer.text("tokenizer.ggml.pre", pre).bytes();
            let model = to_hf(&Gguf::parse(&bytes).unwrap()).unwrap();
            assert_eq!(ids(&tokenizer(&model), "<|end|>", true), expected, "{pre}: Llama 3 puts bos first");
        }
    }

    #[test]
    fn sentencepiece_models_give_the_ids_of_sentencepiece() {
        let bytes = include_bytes!("fixtures/gguf/sentencepiece.gguf");
        let cases: Vec<Json> = serde_json::from_str(include_str!("fixtures/gguf/sentencepiece.json")).unwrap();
        let model = to_hf(&Gguf::parse(bytes).unwrap()).unwrap();
        let tokenizer = tokenizer(&model);
        for case in &cases {
            let text = case["text"].as_str().unwrap();
            let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
            assert_eq!(ids(&tokenizer, text, false), expected, "{text:?}");
            assert_eq!(tokenizer.decode(&expected, true).unwrap(), text.replace('▁', " "), "{text:?}");
        }
        assert_eq!(ids(&tokenizer, "", true), [1], "Llama puts <s> first");
        assert_eq!(model.tensor(0).unwrap().len(), 480 * 8);
    }

    #[test]
    fn broken_vocabularies_are_named() {
        let merged = |merges: &[&str]| {
            let mut writer = tiny("llama");
            writer.metadata.retain(|found| !found.starts_with(&text("tokenizer.ggml.merges")));
            error_of(&writer.texts("tokenizer.ggml.merges", merges))
        };
        assert!(
            merged(&["a b", "b a"]).contains("merge 1, \"b a\", has a part or result that is not in the vocabulary")
        );
        assert!(merged(&["ab"]).contains("not two parts"));
        assert!(
            error_of(&tiny("llama").integer("tokenizer.ggml.bos_token_id", 9)).contains("is 9, but there are 9 tokens")
        );
    }
}

mod gguf_smollm2 {
    use super::*;

    /// Texts with ids from a tokenizer that the Python package built from the same vocabulary and merges.
    const ENCODED: [(&str, &[u32]); 4] = [
        ("Hello, world!", &[19556, 28, 905, 17]),
        (
            "Natalia sold 48/2 = 24 clips in May.",
            &[62, 6927, 542, 3459, 216, 36, 40, 31, 34, 446, 216, 34, 36, 23026, 281, 2405, 30],
        ),
        (
            "<|im_start|>user\nWhat is 12345 + 678?<|im_end|>\n",
            &[1, 4093, 198, 1780, 314, 216, 33, 34, 35, 36, 37, 1232, 216, 38, 39, 40, 47, 2, 198],
        ),
        (
            "  naïve café — 日本語 🙂\n\n\tdef f(x):\n    return x**2",
            &[
                216, 15486, 46494, 37366, 1841, 17097, 241, 115, 40993, 179, 120, 248, 47526, 1116, 197, 1604, 275, 24,
                104, 727, 472, 1003, 1792, 828, 34,
            ],
        ),
    ];

    #[test]
    fn the_real_model_converts() {
        let Some(path) = std::env::var_os("MINFORM_SMOLLM2_GGUF") else {
            println!("skipped: MINFORM_SMOLLM2_GGUF does not name a file");
            return;
        };
        let bytes = std::fs::read(path).unwrap();
        let model = to_hf(&Gguf::parse(&bytes).unwrap()).unwrap();
        check_config(&model.config);
        check_tensors(&model);
        let tokenizer = tokenizer(&model);
        for (text, expected) in ENCODED {
            assert_eq!(ids(&tokenizer, text, true), expected, "{text:?}");
            assert_eq!(tokenizer.decode(expected, false).unwrap(), text);
        }
    }

    fn check_config(config: &Json) {
        let expected = [
            ("num_hidden_layers", 30),
            ("hidden_size", 576),
            ("intermediate_size", 1536),
            ("num_attention_heads", 9),
            ("num_key_value_heads", 3),
            ("head_dim", 64),
            ("vocab_size", 49152),
            ("max_position_embeddings", 8192),
            ("bos_token_id", 1),
            ("eos_token_id", 2),
        ];
        for (key, value) in expected {
            assert_eq!(config[key], value, "{key}");
        }
        assert_eq!(config["rope_theta"], 100_000.0);
        assert_eq!(config["tie_word_embeddings"], true);
    }

    fn check_tensors(model: &HfModel<'_>) {
        assert_eq!(model.tensors.len(), 272);
        let mut parameters = 0;
        for (index, tensor) in model.tensors.iter().enumerate() {
            let values = model.tensor(index).unwrap();
            assert!(values.iter().all(|value| value.is_finite()), "{}", tensor.name);
            parameters += values.len();
        }
        assert_eq!(parameters, 134_515_008);
    }
}
