//! The program `freehold`.
fn main() {}
