//! What must not compile, each with the message that a user sees, and what must.
//!
//! `TRYBUILD=overwrite cargo test -p channel-derive --test ui` writes the messages anew; read them.

#[test]
fn what_breaks_a_rule_is_refused_with_this_message() {
    let cases = trybuild::TestCases::new();
    for folder in ["protocol", "names", "form", "fields", "use", "smuggle", "exchange", "extension"] {
        cases.compile_fail(format!("tests/ui/{folder}/*.rs"));
    }
    cases.pass("tests/ui/pass/*.rs");
}
