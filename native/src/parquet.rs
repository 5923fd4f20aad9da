//! Parquet files as JSON lines, which is what the readers of datasets take.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use parquet::basic::{ConvertedType, Type};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescPtr;

use crate::folder::read;

/// The rows of a file of data: of a Parquet file as JSON lines, of any other as they are.
pub(crate) fn read_rows(path: &Path) -> Result<Vec<u8>> {
    match is_parquet(path) {
        true => json_lines(path).with_context(|| path.display().to_string()),
        false => read(path),
    }
}

/// Whether a file begins as every Parquet file does.
fn is_parquet(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && &magic == b"PAR1"
}

fn json_lines(path: &Path) -> Result<Vec<u8>> {
    let file = SerializedFileReader::new(File::open(path)?).context("not a whole Parquet file")?;
    let columns = file.metadata().file_metadata().schema_descr();
    let is_bytes = |column: &&ColumnDescPtr| {
        let untyped = column.converted_type() == ConvertedType::NONE && column.logical_type_ref().is_none();
        column.physical_type() == Type::BYTE_ARRAY && untyped
    };
    if let Some(column) = columns.columns().iter().find(is_bytes) {
        bail!("column {} holds bytes, not text; write it as a string", column.name());
    }
    let mut lines = Vec::new();
    for row in file.get_row_iter(None).context("rows of the Parquet file")? {
        serde_json::to_writer(&mut lines, &row.context("a row of the Parquet file")?.to_json_value())?;
        lines.push(b'\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{BoolType, ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// Two rows as a dataset of TRL's form has them, the prompts of a type of your choice.
    fn written(kind: &str) -> Vec<u8> {
        let schema = "message rows { required binary prompt KIND;
            required group completions (LIST) { repeated group list { required binary element (UTF8); } }
            required group labels (LIST) { repeated group list { required boolean element; } } }";
        let schema = Arc::new(parse_message_type(&schema.replace("KIND", kind)).unwrap());
        let mut bytes = Vec::new();
        let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::new(WriterProperties::default())).unwrap();
        let mut group = file.next_row_group().unwrap();
        let text = |text: &str| ByteArray::from(text);
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[text("1 + 1?"), text("2 + 2?")], None, None).unwrap();
        column.close().unwrap();
        let (definition, repetition) = ([1, 1, 1], [0, 1, 0]);
        let mut column = group.next_column().unwrap().unwrap();
        let steps = [text("add"), text("2"), text("4")];
        column.typed::<ByteArrayType>().write_batch(&steps, Some(&definition), Some(&repetition)).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<BoolType>().write_batch(&[true, false, true], Some(&definition), Some(&repetition)).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        file.close().unwrap();
        bytes
    }

    #[test]
    fn rows_become_json_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        std::fs::write(&path, written("(UTF8)")).unwrap();
        let lines = String::from_utf8(read_rows(&path).unwrap()).unwrap();
        let rows: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = [
            serde_json::json!({ "prompt": "1 + 1?", "completions": ["add", "2"], "labels": [true, false] }),
            serde_json::json!({ "prompt": "2 + 2?", "completions": ["4"], "labels": [true] }),
        ];
        assert_eq!(rows, expected);
        std::fs::write(&path, &written("(UTF8)")[..40]).unwrap();
        assert!(read_rows(&path).unwrap_err().to_string().contains("rows.parquet"));
        std::fs::write(&path, written("")).unwrap();
        assert!(format!("{:#}", read_rows(&path).unwrap_err()).contains("column prompt holds bytes"));
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read_rows(&path).unwrap(), b"{}");
    }
}
