//! `minform import`: a GGUF file becomes a Hugging Face folder, or a folder another of other precision or with an adapter.

use anyhow::{Context as _, Result, bail};
use minform_core::Dtype;
use minform_text::gguf::{Gguf, to_hf};
use safetensors::tensor::{Dtype as Stored, TensorView};
use serde_json::json;

use crate::cli::Import;
use crate::folder::{Folder, read, write_folder};
use crate::output;

pub(crate) fn run(options: &Import) -> Result<()> {
    if options.out.exists() && !options.overwrite {
        bail!("{} exists; choose another --out or pass --overwrite", options.out.display());
    }
    if options.file.is_dir() {
        return rewrite(options);
    }
    if options.half || options.adapter.is_some() {
        bail!("--half and --adapter are for a model folder; import the GGUF file first, then its folder with them");
    }
    let bytes = read(&options.file)?;
    let name = options.file.display().to_string();
    let gguf = Gguf::parse(&bytes).with_context(|| name.clone())?;
    let model = to_hf(&gguf).with_context(|| name.clone())?;
    // Half precision would lose what the quantised blocks hold; f32 keeps it exactly.
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for index in 0..model.tensors.len() {
        let values = model.tensor(index).with_context(|| name.clone())?;
        let tensor = &model.tensors[index];
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.push((tensor.name.clone(), tensor.shape.clone(), raw));
    }
    let parameters: usize = tensors.iter().map(|(_, shape, _)| shape.iter().product::<usize>()).sum();
    let views = tensors
        .iter()
        .map(|(name, shape, raw)| Ok((name.as_str(), TensorView::new(Stored::F32, shape.clone(), raw)?)))
        .collect::<Result<Vec<_>>>()?;
    let metadata = Some([("format".to_string(), "pt".to_string())].into());
    let weights = safetensors::serialize(views, metadata)?;
    let pretty = |value| serde_json::to_vec_pretty(value);
    let config = pretty(&model.config)?;
    let generation = pretty(&model.generation_config)?;
    let tokenizer_config = pretty(&model.tokenizer_config)?;
    let count = model.tensors.len();
    let files = [
        ("config.json", config),
        ("generation_config.json", generation),
        ("tokenizer.json", model.tokenizer_json.into_bytes()),
        ("tokenizer_config.json", tokenizer_config),
        ("model.safetensors", weights),
    ];
    let files: Vec<(String, Vec<u8>)> = files.into_iter().map(|(name, bytes)| (name.into(), bytes)).collect();
    write_folder(&options.out, &files)?;
    if options.json {
        output::line(format_args!("{}", json!({"folder": options.out, "tensors": count, "parameters": parameters})))?;
    } else {
        output::line(format_args!(
            "{}: {count} tensors, {:.1} M parameters",
            options.out.display(),
            parameters as f64 / 1e6
        ))?;
    }
    Ok(())
}

/// Writes a model folder again.
fn rewrite(options: &Import) -> Result<()> {
    let dtype = if options.half { Dtype::F16 } else { Dtype::F32 };
    let folder = Folder::open(&options.file)?;
    match &options.adapter {
        Some(adapter) => folder.save_with_adapter(&options.out, dtype, adapter)?,
        None => folder.save_as(&options.out, dtype)?,
    }
    let dtype = dtype.torch_dtype();
    match options.json {
        true => output::line(json!({"folder": options.out, "dtype": dtype})),
        false => output::line(format_args!("{}: {dtype}", options.out.display())),
    }
}
