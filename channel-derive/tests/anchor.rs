//! What images are built with: code of the derive's that no crate can lead elsewhere.

fn main() {
    // SAFETY: this is the only thread.
    unsafe { std::env::set_var("CONTRACTS_ANCHOR", "1") };
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/anchor/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
