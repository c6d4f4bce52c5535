//! Shared ownership does not cross.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: std::rc::Rc<u8> },
}

fn main() {}
