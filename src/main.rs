//! The command line of `qonform`.
fn main() {}
