//! The book, the playground in its pages, and every link within checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::files::{copy, list};
use crate::steps::{Steps, npm, program, root};
use crate::{setup, web};

/// `cargo xtask book`: everything, into `target/book`.
pub(crate) fn book(steps: &mut Steps, open: bool) -> Result<()> {
    web::wasm(steps, &[])?;
    steps.run("package", &mut npm("run build:package"))?;
    pages(steps)?;
    if open {
        steps.run("server", &mut npm("exec vite -- preview --outDir ../target/book --open"))?;
    }
    Ok(())
}

/// The book, around the playground as it was built last. Its reference is in the tree; a test compares it with the program.
pub(crate) fn pages(steps: &mut Steps) -> Result<()> {
    setup::packages(steps)?;
    setup::mdbook(steps)?;
    steps.run("pages", &mut program("mdbook", "build docs"))?;
    let book = root().join("target/book");
    let playground = root().join("web/package/dist");
    if !playground.exists() {
        bail!("the playground has not been built; `cargo xtask book` builds it");
    }
    copy(&playground, &book.join("live"))?;
    let broken = Site::read(&book)?.broken();
    if !broken.is_empty() {
        bail!("links that lead nowhere:\n  {}", broken.join("\n  "));
    }
    println!("target/book: {} pages, every link within leads somewhere", html(&book)?.len());
    Ok(())
}

/// A folder of pages with what they name.
struct Site {
    folder: PathBuf,
    /// The anchors of each page, and the addresses that it refers to.
    pages: BTreeMap<PathBuf, (BTreeSet<String>, Vec<String>)>,
}

impl Site {
    fn read(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
        let mut pages = BTreeMap::new();
        for path in html(&folder)? {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let addresses = values(&text, "href").chain(values(&text, "src")).map(str::to_owned).collect();
            pages.insert(path, (values(&text, "id").map(str::to_owned).collect(), addresses));
        }
        Ok(Self { folder, pages })
    }

    /// Addresses within the site at which there is nothing, each with its page.
    fn broken(&self) -> Vec<String> {
        let addresses = self.pages.iter().flat_map(|(page, (_, addresses))| addresses.iter().map(move |to| (page, to)));
        let broken = addresses.filter(|(page, address)| !self.leads_somewhere(page, address));
        broken
            .map(|(page, address)| format!("{}: {address}", page.strip_prefix(&self.folder).unwrap_or(page).display()))
            .collect()
    }

    fn leads_somewhere(&self, page: &Path, address: &str) -> bool {
        if address.contains("://") || address.starts_with("mailto:") || address.starts_with("data:") {
            return true;
        }
        let (path, anchor) = address.split_once('#').unwrap_or((address, ""));
        let path = path.split('?').next().unwrap_or(path);
        let target = match path {
            "" => page.to_owned(),
            path => normal(&page.parent().unwrap_or(page).join(path)),
        };
        match self.pages.get(&target) {
            Some((anchors, _)) => anchor.is_empty() || anchors.contains(anchor),
            None => anchor.is_empty() && target.starts_with(&self.folder) && target.is_file(),
        }
    }
}

/// The pages of a folder but the one for addresses that do not exist, whose own addresses begin elsewhere.
fn html(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    let is_page = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "html") && !path.ends_with("404.html");
    Ok(files.into_iter().filter(is_page).collect())
}

/// The values of an attribute; mdBook writes all of them in double quotes.
fn values<'a>(text: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {attribute}=\"");
    let starts: Vec<usize> = text.match_indices(&start).map(|(at, _)| at + start.len()).collect();
    starts.into_iter().filter_map(|at| text[at..].split('"').next())
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_missing_pages_and_anchors_are_found() {
        let folder = std::env::temp_dir().join(format!("minform-book-{}", std::process::id()));
        fs::create_dir_all(folder.join("sub")).unwrap();
        let first = r##"<a href="sub/b.html#there">1</a> <a href="sub/b.html#nowhere">2</a> <a href="#top" id="top">3</a>
            <img src="missing.svg"> <a href="https://example.org/x">4</a>"##;
        fs::write(folder.join("a.html"), first).unwrap();
        fs::write(folder.join("sub/b.html"), r#"<p id="there"><a href="../a.html">1</a> <a href="../../out">2</a>"#)
            .unwrap();
        let broken = Site::read(&folder).unwrap().broken();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(broken, ["a.html: sub/b.html#nowhere", "a.html: missing.svg", "sub/b.html: ../../out"]);
    }
}
