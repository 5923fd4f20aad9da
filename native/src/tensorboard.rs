//! TensorBoard event files: the figures of a run as scalars.
//!
//! A file is a sequence of records: the length as u64, its masked CRC-32C, the bytes, their masked CRC-32C, all
//! little-endian. The bytes are protocol buffers of type `tensorflow.Event`, of which four fields are needed.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use minform_core::event::Event;
use serde_json::Value;

use crate::log::Timed;

/// An open file.
pub(crate) struct TensorBoard {
    file: File,
    /// When the run began, in seconds since 1970.
    began: f64,
}

impl TensorBoard {
    /// A file in `folder` with every figure of a history; one of the same run that is there is replaced. The run has
    /// lasted `seconds` so far.
    pub(crate) fn create(folder: &Path, history: &[Timed], seconds: f64) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join("events.out.tfevents.0000000000.minform");
        let mut file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut version = double(1, 0.0);
        version.extend(bytes(3, b"brain.Event:2"));
        record(&mut file, &version)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
        let mut board = Self { file, began: now - seconds };
        history.iter().try_for_each(|timed| board.write(timed)).with_context(|| path.display().to_string())?;
        Ok(board)
    }

    /// Adds the figures of an event.
    pub(crate) fn write(&mut self, timed: &Timed) -> std::io::Result<()> {
        let figures = scalars(&timed.event);
        figures.into_iter().try_for_each(|(tag, step, value)| {
            record(&mut self.file, &event(self.began + timed.time, step, &tag, value))
        })
    }
}

/// Tag, step and value of each figure of an event.
fn scalars(event: &Event) -> Vec<(String, u64, f32)> {
    let (group, name) = match event {
        Event::Update(_) => ("train", None),
        Event::Evaluation(_) => ("held_out", None),
        Event::PrmQuality(quality) if quality.step.is_some() => ("reward_model", None),
        Event::SftStep(_) => ("sft", None),
        Event::PrmStep(step) => ("prm", Some(step.phase)),
        _ => return Vec::new(),
    };
    let group = name.map_or(group.to_owned(), |phase| format!("{group}/{}", phase.title()));
    let Ok(Value::Object(mut fields)) = serde_json::to_value(event) else { return Vec::new() };
    let step = fields.remove("step").and_then(|step| step.as_u64()).unwrap_or(0);
    let mut found = Vec::new();
    fields.into_iter().for_each(|(key, value)| collect(&format!("{group}/{key}"), &value, &mut found));
    found.into_iter().map(|(tag, value)| (tag, step, value)).collect()
}

fn collect(tag: &str, value: &Value, into: &mut Vec<(String, f32)>) {
    match value {
        Value::Number(number) => into.extend(number.as_f64().map(|value| (tag.to_owned(), value as f32))),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(&format!("{tag}/{key}"), value, into)),
        _ => {}
    }
}

/// `Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }`.
fn event(time: f64, step: u64, tag: &str, value: f32) -> Vec<u8> {
    let mut scalar = bytes(1, tag.as_bytes());
    scalar.push(2 << 3 | 5);
    scalar.extend(value.to_le_bytes());
    let mut event = double(1, time);
    event.push(2 << 3);
    event.extend(varint(step));
    event.extend(bytes(5, &bytes(1, &scalar)));
    event
}

fn double(field: u8, value: f64) -> Vec<u8> {
    let mut encoded = vec![field << 3 | 1];
    encoded.extend(value.to_le_bytes());
    encoded
}

fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    let mut encoded = vec![field << 3 | 2];
    encoded.extend(varint(value.len() as u64));
    encoded.extend(value);
    encoded
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut encoded = Vec::new();
    while value >= 0x80 {
        encoded.push(value as u8 | 0x80);
        value >>= 7;
    }
    encoded.push(value as u8);
    encoded
}

fn record(file: &mut impl Write, data: &[u8]) -> std::io::Result<()> {
    let length = (data.len() as u64).to_le_bytes();
    let parts = [&length[..], &masked(&length), data, &masked(data)].concat();
    file.write_all(&parts)
}

/// The checksum as the format stores it: CRC-32C rotated right by 15, plus a constant.
fn masked(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_encoded_as_in_the_protocol() {
        assert_eq!(varint(300), [0xac, 0x02]);
        assert_eq!(bytes(1, b"a"), [0x0a, 1, b'a']);
        assert_eq!(event(0.0, 3, "t", 1.0)[9..], [0x10, 3, 0x2a, 10, 0x0a, 8, 0x0a, 1, b't', 0x15, 0, 0, 0x80, 0x3f]);
    }

    /// CRC-32C of "123456789" is 0xe3069283.
    #[test]
    fn a_record_is_framed_by_masked_checksums() {
        let expected = 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
        assert_eq!(masked(b"123456789"), expected);
        let mut file = Vec::new();
        record(&mut file, b"123456789").unwrap();
        assert_eq!((file.len(), &file[..8]), (8 + 4 + 9 + 4, &9_u64.to_le_bytes()[..]));
        assert_eq!(file[21..], expected);
    }
}
