//! The binary `minform`; see the library of this package.

fn main() -> std::process::ExitCode {
    minform::main()
}
