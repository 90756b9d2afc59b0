//! The command line of `qonform`; the library does not know it.

mod cli;

/// A run is many small texts and values, made and dropped by several threads: a quarter of its time went into the
/// system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
