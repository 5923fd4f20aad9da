//! Chat templates: expected texts written by hand.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use minform_text::chat::{ChatError, ChatTemplate, Message};

const QWEN: &str = include_str!("fixtures/chat/qwen.jinja");
const HEADER: &str = include_str!("fixtures/chat/header.jinja");
const CHATML: &str = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + \
                      '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

fn user(text: &str) -> Message {
    Message::new("user", text)
}

/// What a one-expression template prints.
fn printed(source: &str) -> String {
    ChatTemplate::from_source(source, "", "").unwrap().render(&[user("q")], false).unwrap()
}

#[test]
fn chatml_writes_every_turn() {
    let template = ChatTemplate::from_source(CHATML, "", "<|im_end|>").unwrap();
    let turns = [user("1+1?"), Message::new("assistant", "2")];
    let expected = "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n";
    assert_eq!(template.render(&turns, false).unwrap(), expected);
    assert_eq!(template.render(&turns, true).unwrap(), format!("{expected}<|im_start|>assistant\n"));
}

#[test]
fn qwen_adds_its_system_turn_only_when_none_is_given() {
    let template = ChatTemplate::from_source(QWEN, "", "<|im_end|>").unwrap();
    assert_eq!(
        template.render(&[user("1+1?")], true).unwrap(),
        "<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n\
         <|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"
    );
    assert_eq!(
        template.render(&[Message::new("system", "Be brief."), user("1+1?")], false).unwrap(),
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n"
    );
    let silent = template.with_variable("enable_thinking", false);
    assert!(silent.render(&[user("a")], true).unwrap().ends_with("assistant\n<think>\n\n</think>\n\n"));
}

#[test]
fn header_template_trims_blocks_and_uses_python_methods() {
    let template = ChatTemplate::from_source(HEADER, "<|begin_of_text|>", "<|eot_id|>").unwrap();
    let turns = [
        Message::new("system", "  Be brief.\n"),
        user(" 1+1? "),
        Message::new("assistant", "<think>hm</think>\n\n2"),
        user("2+2?"),
    ];
    assert_eq!(
        template.render(&turns, true).unwrap(),
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>\
         <|start_header_id|>user<|end_header_id|>\n\n1+1?<|eot_id|>\
         <|start_header_id|>assistant<|end_header_id|>\n\n2<|eot_id|>\
         <|start_header_id|>user<|end_header_id|>\n\n2+2?<|eot_id|>\
         <|start_header_id|>assistant<|end_header_id|>\n\n"
    );
}

#[test]
fn a_template_can_refuse_messages() {
    let template = ChatTemplate::from_source(HEADER, "", "").unwrap();
    let error = template.render(&[user("a"), user("b")], true).unwrap_err();
    assert!(matches!(&error, ChatError::Refused { message } if message == "roles must alternate user/assistant"));
    assert!(error.to_string().contains("change their roles"));
}

#[test]
fn configuration_gives_template_and_tokens() {
    let source = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}";
    let config = serde_json::json!({"chat_template": source, "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>"});
    let template = ChatTemplate::from_config(config.to_string().as_bytes()).unwrap();
    assert_eq!(template.render(&[user("a")], false).unwrap(), "<s>a</s>");
    let config = serde_json::json!({"bos_token": null, "chat_template": [
        {"name": "rag", "template": "no"}, {"name": "default", "template": "yes{{ bos_token }}"}]});
    let template = ChatTemplate::from_config(config.to_string().as_bytes()).unwrap();
    assert_eq!(template.render(&[], false).unwrap(), "yes");
}

#[test]
fn configurations_without_a_usable_template_are_named() {
    let error = |text: &str| ChatTemplate::from_config(text.as_bytes()).unwrap_err().to_string();
    assert!(error("{}").contains("chat_template.jinja"));
    assert!(error("[1").contains("tokenizer_config.json"));
    assert!(
        error(r#"{"chat_template": [{"name": "a", "template": ""}, {"name": "b", "template": ""}]}"#)
            .contains("only a, b")
    );
    assert!(error(r#"{"chat_template": "{% if %}"}"#).contains("does not parse"));
}

#[test]
fn date_is_given_never_read_from_a_clock() {
    let template = ChatTemplate::from_source("{{ strftime_now('%d %b %Y') }}", "", "").unwrap();
    let error = template.render(&[], false).unwrap_err();
    assert!(matches!(error, ChatError::Date) && error.to_string().contains("with_date"));
    assert_eq!(template.with_date("26 Jul 2024").render(&[], false).unwrap(), "26 Jul 2024");
}

#[test]
fn python_methods_behave_as_in_python() {
    let cases = [
        ("{{ 'abc'.startswith('ab') and 'abc'.endswith(('x', 'c')) }}", "True"),
        ("{{ '  a '.strip() }}|{{ '\n\na\n'.lstrip('\n') }}|{{ 'aXX'.rstrip('X') }}", "a|a\n|a"),
        ("{{ 'a,b,c'.split(',', 1) | join('|') }}", "a|b,c"),
        ("{{ 'a,b,c'.rsplit(',', maxsplit=1) | join('|') }}", "a,b|c"),
        ("{{ ' a  b c '.split() | join('|') }}", "a|b|c"),
        ("{{ 'a b c'.rsplit(none, 1) | join('|') }}", "a b|c"),
        ("{{ 'a-a-a'.replace('a', 'b', 2) }}", "b-b-a"),
        ("{{ 'heLLo wORld'.title() }}|{{ 'heLLO'.capitalize() }}", "Hello World|Hello"),
        ("{{ 'é1'.find('1') }}|{{ 'a'.find('b') }}", "1|-1"),
        ("{{ '-'.join(['a', 'b']) }}", "a-b"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}", "a=1"),
        ("{{ {'a': 1}.get('a') }}|{{ {'a': 1}.get('b', 'z') }}|{{ {'a': 1}.get('b') is none }}", "1|z|True"),
        ("{{ ['a', 'b'].index('b') }}", "1"),
        ("{{ {'a': [1, '<é>'], 'b': none} | tojson }}", "{\"a\": [1, \"<é>\"], \"b\": null}"),
        ("{{ [1] | tojson(indent=2) }}", "[\n  1\n]"),
        ("{{ tools is none }}", "True"),
        (
            "{% set ns = namespace(n=0) %}{% for m in messages[::-1] %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
            "1",
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(printed(source), expected, "{source}");
    }
}

#[test]
fn unknown_methods_and_bad_arguments_are_errors() {
    for source in ["{{ 'a'.nothing() }}", "{{ 'a'.split('') }}", "{{ 1.5.strip() }}", "{{ ['a'].index('b') }}"] {
        let template = ChatTemplate::from_source(source, "", "").unwrap();
        assert!(matches!(template.render(&[], false), Err(ChatError::Render { .. })), "{source}");
    }
}
