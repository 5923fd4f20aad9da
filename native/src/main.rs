//! The binary `minform`; see the library of this package.

/// Training allocates and frees large buffers all the time; the system allocator returns each to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    minform::main()
}
