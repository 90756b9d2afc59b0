//! The harness as a whole, by theme.

/// No module imports from a floor above its own.
mod architecture;
/// What the README shows is what the program prints.
mod readme;
