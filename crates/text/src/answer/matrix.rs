//! Matrices and column vectors.

use super::expression::Expression;
use super::parse;
use super::scan::is_enclosed;
use super::structure::{Node, Shape, read as read_node};

const ENVIRONMENTS: &[&str] = &["pmatrix", "bmatrix", "Bmatrix", "matrix", "smallmatrix", "array"];
const MOST_CELLS: usize = 100;

/// Reads `\begin{pmatrix} a & b \\ c & d \end{pmatrix}`, possibly with a factor in front.
pub(crate) fn read(text: &str, depth: usize) -> Option<Shape> {
    let text = if is_enclosed(text) { text.get(1..text.len() - 1)?.trim() } else { text };
    let (before, inside) = text.split_once("\\begin{")?;
    let (name, body) = inside.split_once('}')?;
    let body = body.trim_end().strip_suffix(&format!("\\end{{{name}}}"))?;
    if !ENVIRONMENTS.contains(&name) || body.contains("\\begin") {
        return None;
    }
    let body = if name == "array" { body.trim_start().split_once('}')?.1 } else { body };
    let factor = before.trim().trim_end_matches("\\cdot");
    let factor = if factor.is_empty() { None } else { Some(parse::parse(factor)?) };
    let rows: Vec<&str> = body.split("\\\\").map(str::trim).filter(|row| !row.is_empty()).collect();
    if rows.iter().map(|row| row.split('&').count()).sum::<usize>() > MOST_CELLS {
        return None;
    }
    let cell = |text: &str| scaled(read_node(text, depth + 1), factor.as_ref());
    Some(Shape::Matrix(rows.iter().map(|row| row.split('&').map(cell).collect()).collect()))
}

fn scaled(mut node: Node, factor: Option<&Expression>) -> Node {
    if let (Shape::Scalar(scalar), Some(factor)) = (&mut node.shape, factor) {
        scalar.value = Expression::Product(vec![factor.clone(), scalar.value.clone()]);
    }
    node
}
