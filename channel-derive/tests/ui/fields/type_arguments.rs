//! A field's type is made of names, and takes types and constants.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { text: std::borrow::Cow<'static, u8> },
}

fn main() {}
