//! The command line of `qonform`; the library does not know it.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
