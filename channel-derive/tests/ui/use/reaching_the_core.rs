//! What the kernel and the runtime share is out of reach of safe code.

#![forbid(unsafe_code)]

fn main() {
    contracts::binding::bare::this_core();
    contracts::binding::bare::table();
}
