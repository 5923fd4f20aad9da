//! Python's methods of strings, dictionaries and lists, as far as chat templates use them.

use minijinja::value::{Kwargs, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

/// Calls `value.method(args)` for a method the template engine does not know itself.
pub(super) fn call(_: &State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match (value.kind(), value.as_str()) {
        (_, Some(text)) => text_method(text, method, args),
        (ValueKind::Map, _) => map_method(value, method, args),
        (ValueKind::Seq, _) => list_method(value, method, args),
        (kind, _) => Err(unknown(&kind.to_string(), method)),
    }
}

fn unknown(owner: &str, method: &str) -> Error {
    Error::new(ErrorKind::UnknownMethod, format!("a {owner} has no method `{method}` here"))
}

fn text_method(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        "startswith" => any_affix(args, |affix| text.starts_with(affix)),
        "endswith" => any_affix(args, |affix| text.ends_with(affix)),
        "strip" => Ok(stripped(text, from_args::<(Option<&str>,)>(args)?.0, true, true)),
        "lstrip" => Ok(stripped(text, from_args::<(Option<&str>,)>(args)?.0, true, false)),
        "rstrip" => Ok(stripped(text, from_args::<(Option<&str>,)>(args)?.0, false, true)),
        "split" | "rsplit" => split(text, method == "rsplit", args),
        "splitlines" => no_args(args).map(|()| text.lines().map(Value::from).collect()),
        "replace" => replace(text, args),
        "removeprefix" => affix(args).map(|affix| Value::from(text.strip_prefix(affix).unwrap_or(text))),
        "removesuffix" => affix(args).map(|affix| Value::from(text.strip_suffix(affix).unwrap_or(text))),
        "lower" => no_args(args).map(|()| text.to_lowercase().into()),
        "upper" => no_args(args).map(|()| text.to_uppercase().into()),
        "title" => no_args(args).map(|()| title(text).into()),
        "capitalize" => no_args(args).map(|()| capitalized(text).into()),
        "isdigit" => no_args(args).map(|()| is_all(text, char::is_numeric)),
        "isalpha" => no_args(args).map(|()| is_all(text, char::is_alphabetic)),
        "isspace" => no_args(args).map(|()| is_all(text, char::is_whitespace)),
        "count" => affix(args).map(|part| text.matches(part).count().into()),
        "find" => affix(args).map(|part| position(text, text.find(part))),
        "rfind" => affix(args).map(|part| position(text, text.rfind(part))),
        "join" => join(text, args),
        _ => Err(unknown("string", method)),
    }
}

fn no_args(args: &[Value]) -> Result<(), Error> {
    from_args::<()>(args)
}

fn affix(args: &[Value]) -> Result<&str, Error> {
    Ok(from_args::<(&str,)>(args)?.0)
}

/// Python takes one text or a tuple of them.
fn any_affix(args: &[Value], fits: impl Fn(&str) -> bool) -> Result<Value, Error> {
    let (affixes,) = from_args::<(&Value,)>(args)?;
    match affixes.as_str() {
        Some(affix) => Ok(fits(affix).into()),
        None => Ok(affixes.try_iter()?.any(|affix| affix.as_str().is_some_and(&fits)).into()),
    }
}

/// Without characters, white space is taken off; with them, any of these characters.
fn stripped(text: &str, characters: Option<&str>, start: bool, end: bool) -> Value {
    let unwanted = |c: char| characters.map_or(c.is_whitespace(), |all| all.contains(c));
    let text = if start { text.trim_start_matches(unwanted) } else { text };
    Value::from(if end { text.trim_end_matches(unwanted) } else { text })
}

fn split(text: &str, from_end: bool, args: &[Value]) -> Result<Value, Error> {
    let (separator, limit, named): (Option<&str>, Option<i64>, Kwargs) = from_args(args)?;
    let separator = separator.or(named.get("sep")?);
    let limit = limit.or(named.get("maxsplit")?);
    named.assert_all_used()?;
    // Python's -1, its default, means no limit.
    let pieces =
        limit.and_then(|limit| usize::try_from(limit).ok()).map_or(usize::MAX, |limit| limit.saturating_add(1));
    let parts: Vec<&str> = match separator {
        Some("") => {
            return Err(Error::new(ErrorKind::InvalidOperation, "the separator of a split is empty"));
        }
        Some(separator) if from_end => {
            let mut parts: Vec<&str> = text.rsplitn(pieces, separator).collect();
            parts.reverse();
            parts
        }
        Some(separator) => text.splitn(pieces, separator).collect(),
        None => words(text, pieces, from_end),
    };
    Ok(parts.into_iter().map(Value::from).collect())
}

/// Split on runs of white space, at most `pieces` parts.
fn words(text: &str, pieces: usize, from_end: bool) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text.trim());
    while parts.len() + 1 < pieces && !rest.is_empty() {
        let cut = if from_end { rest.rfind(char::is_whitespace) } else { rest.find(char::is_whitespace) };
        let Some(cut) = cut else { break };
        let (before, after) = (rest[..cut].trim_end(), rest[cut..].trim_start());
        parts.push(if from_end { after } else { before });
        rest = if from_end { before } else { after };
    }
    parts.extend((!rest.is_empty()).then_some(rest));
    if from_end {
        parts.reverse();
    }
    parts
}

fn replace(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (old, new, count): (&str, &str, Option<i64>) = from_args(args)?;
    Ok(match count.and_then(|count| usize::try_from(count).ok()) {
        Some(count) => text.replacen(old, new, count).into(),
        None => text.replace(old, new).into(),
    })
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    first + &characters.as_str().to_lowercase()
}

fn title(text: &str) -> String {
    text.split_inclusive(|c: char| !c.is_alphabetic()).map(capitalized).collect()
}

fn is_all(text: &str, fits: impl Fn(char) -> bool) -> Value {
    Value::from(!text.is_empty() && text.chars().all(fits))
}

/// Python counts characters, not bytes; -1 if there is none.
fn position(text: &str, byte: Option<usize>) -> Value {
    byte.map_or_else(|| Value::from(-1), |byte| text[..byte].chars().count().into())
}

fn join(separator: &str, args: &[Value]) -> Result<Value, Error> {
    let (items,) = from_args::<(&Value,)>(args)?;
    let items: Vec<String> = items.try_iter()?.map(|item| item.to_string()).collect();
    Ok(items.join(separator).into())
}

fn map_method(map: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        "get" => {
            let (key, default): (&Value, Option<Value>) = from_args(args)?;
            let found = map.get_item(key)?;
            Ok(if found.is_undefined() { default.unwrap_or_else(|| Value::from(())) } else { found })
        }
        "keys" => no_args(args).and_then(|()| Ok(map.try_iter()?.collect())),
        "values" => no_args(args).and_then(|()| map.try_iter()?.map(|key| map.get_item(&key)).collect()),
        "items" => no_args(args).and_then(|()| {
            map.try_iter()?.map(|key| Ok(Value::from(vec![key.clone(), map.get_item(&key)?]))).collect()
        }),
        _ => Err(unknown("dictionary", method)),
    }
}

fn list_method(list: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (wanted,) = from_args::<(&Value,)>(args)?;
    match method {
        "count" => Ok(list.try_iter()?.filter(|item| item == wanted).count().into()),
        "index" => {
            let absent = || Error::new(ErrorKind::InvalidOperation, format!("{wanted} is not in the list"));
            list.try_iter()?.position(|item| item == *wanted).map(Value::from).ok_or_else(absent)
        }
        _ => Err(unknown("list", method)),
    }
}
