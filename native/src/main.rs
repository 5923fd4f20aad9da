//! minform
fn main() {}
