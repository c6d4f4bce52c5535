//! A greeting: the least that a process can do for its user.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt::Write;

/// Greets `whom`, or everybody.
pub fn greet(whom: &str, output: &mut impl Write) {
    let whom = if whom.is_empty() { "world" } else { whom };
    // A terminal that has gone away takes no greeting.
    let _ = writeln!(output, "Hello, {whom}!");
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::String;

    #[test]
    fn it_greets_whom_it_is_told_to() {
        let mut output = String::new();
        greet("", &mut output);
        greet("Entente", &mut output);
        assert_eq!(output, "Hello, world!\nHello, Entente!\n");
    }
}
