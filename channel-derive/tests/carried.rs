//! Contracts whose messages carry endpoints of other contracts: who can talk to whom.

use contracts::manifest::{ContractInfo, Difference};
use contracts::{AnyEndpoint, Contract, Description};

/// What one program knows: the contracts of each module are the same but for the type of `Inner`'s value.
macro_rules! program {
    ($module:ident, $value:ty) => {
        #[allow(dead_code)]
        mod $module {
            use contracts::{Contract, ExBox, Exchange};

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Inner {
                #[client(Idle => Busy)]
                Put { value: $value },
                #[server(Busy => Idle)]
                Done,
            }

            #[derive(Exchange)]
            #[repr(C)]
            pub(super) struct Pair {
                number: u8,
                end: inner::Client<inner::Idle>,
            }

            #[derive(Exchange)]
            #[repr(C)]
            pub(super) enum Perhaps {
                Nothing,
                Number(u8),
                End(inner::Server<inner::Busy>),
            }

            #[derive(Exchange)]
            #[repr(transparent)]
            pub(super) struct Wrapper<T>(T);

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Bare {
                #[client(Idle => End)]
                Take { end: inner::Client<inner::Idle> },
            }

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum InStruct {
                #[client(Idle => End)]
                Take { before: u64, pair: Pair },
            }

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum InEnum {
                #[client(Idle => End)]
                Take { perhaps: [Perhaps; 2] },
            }

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum InBlock {
                #[client(Idle => End)]
                Take { block: ExBox<inner::Server<inner::Busy>> },
            }

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum InBlocks {
                #[client(Idle => End)]
                Take { blocks: ExBox<[Wrapper<ExBox<[Pair]>>]> },
            }

            /// One message carries it, after others that do not.
            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum InAnAnswer {
                #[client(Idle => Asked)]
                Ask { text: ExBox<[u8]> },
                #[server(Asked => Idle)]
                No,
                #[server(Asked => Idle)]
                Yes { end: inner::Client<inner::Idle> },
            }

            /// Carries what carries it.
            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Twice {
                #[client(Idle => End)]
                Take { end: in_an_answer::Server<in_an_answer::Asked> },
            }

            /// Carries itself.
            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Chain {
                #[client(Idle => Cut)]
                Rest { rest: chain::Server<chain::Cut> },
                #[client(Idle => Cut)]
                Last { value: $value },
                #[server(Cut => End)]
                Seen,
            }

            /// Carries `Right`, which carries this.
            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Left {
                #[client(Idle => Idle, window = 2)]
                Turn { right: ExBox<right::Client<right::Idle>>, inner: inner::Client<inner::Idle> },
            }

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Right {
                #[client(Idle => End)]
                Turn { left: left::Client<left::Idle>, inner: inner::Client<inner::Idle> },
            }

            /// Carries nothing.
            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Plain {
                #[client(Idle => End)]
                Take { end: contracts::AnyEndpoint },
            }

            /// All of them, with their fingerprints.
            pub(super) const ALL: [(&contracts::Description, u64); 9] = [
                (Bare::DESCRIPTION, Bare::FINGERPRINT),
                (InStruct::DESCRIPTION, InStruct::FINGERPRINT),
                (InEnum::DESCRIPTION, InEnum::FINGERPRINT),
                (InBlock::DESCRIPTION, InBlock::FINGERPRINT),
                (InBlocks::DESCRIPTION, InBlocks::FINGERPRINT),
                (InAnAnswer::DESCRIPTION, InAnAnswer::FINGERPRINT),
                (Twice::DESCRIPTION, Twice::FINGERPRINT),
                (Left::DESCRIPTION, Left::FINGERPRINT),
                (Right::DESCRIPTION, Right::FINGERPRINT),
            ];
        }
    };
}

program!(here, u64);
program!(there, u64);
program!(changed, u32);

fn info(description: &'static Description) -> ContractInfo {
    ContractInfo::from(description)
}

#[test]
fn programs_built_apart_bind_exactly_if_all_that_is_carried_agrees() {
    for (((one, fingerprint), (same, same_fingerprint)), (other, other_fingerprint)) in
        here::ALL.into_iter().zip(there::ALL).zip(changed::ALL)
    {
        assert_eq!(fingerprint, same_fingerprint, "{}", one.name);
        assert_eq!(info(one).difference(&info(same)), None);
        assert_eq!(one.own, other.own, "{} itself is the same", one.name);
        assert_ne!(fingerprint, other_fingerprint, "{} carries what differs", one.name);
        assert!(info(one).difference(&info(other)).is_some());
        assert!(info(other).difference(&info(one)).is_some());
    }
    assert_eq!(here::Plain::FINGERPRINT, changed::Plain::FINGERPRINT);
}

#[test]
fn a_difference_names_the_way_to_the_message_that_differs() {
    let words = |one, other| info(one).difference(&info(other)).expect("they differ").to_string();
    assert_eq!(
        words(here::InBlocks::DESCRIPTION, changed::InBlocks::DESCRIPTION),
        "message Take carries Inner, in which message Put differs"
    );
    assert_eq!(
        words(here::Twice::DESCRIPTION, changed::Twice::DESCRIPTION),
        "message Take carries InAnAnswer, in which message Yes carries Inner, in which message Put differs"
    );
    // The shortest way: not through `Left` again.
    assert_eq!(
        words(here::Right::DESCRIPTION, changed::Right::DESCRIPTION),
        "message Turn carries Inner, in which message Put differs"
    );
    assert_eq!(words(here::Chain::DESCRIPTION, changed::Chain::DESCRIPTION), "message Last differs");
}

#[test]
fn a_contract_lists_what_it_reaches_once_and_by_message() {
    let names =
        |info: &ContractInfo| info.carried.iter().map(|carried| carried.name.clone()).collect::<Vec<_>>();
    let by_message = |info: &ContractInfo| {
        let each = info.messages.iter().map(|message| info.carried_by(message).collect::<Vec<_>>().join(" "));
        each.collect::<Vec<_>>()
    };
    let left = info(here::Left::DESCRIPTION);
    assert_eq!(
        (names(&left), by_message(&left)),
        (vec!["Right".into(), "Inner".into()], vec!["Right Inner".into()])
    );
    let right = info(here::Right::DESCRIPTION);
    assert_eq!(
        (names(&right), by_message(&right)),
        (vec!["Left".into(), "Inner".into()], vec!["Left Inner".into()])
    );
    let chain = info(here::Chain::DESCRIPTION);
    assert_eq!(
        (names(&chain), by_message(&chain)),
        (vec![], vec!["Chain".into(), String::new(), String::new()])
    );
    let answer = info(here::InAnAnswer::DESCRIPTION);
    assert_eq!(by_message(&answer), ["", "", "Inner"]);
    assert!(names(&info(here::Plain::DESCRIPTION)).is_empty());
}

#[test]
fn an_endpoint_of_a_contract_that_carries_another_version_is_not_taken_for_this_one() {
    let (client, _server) = changed::Bare::channel().expect("memory");
    let wrong = AnyEndpoint::new(client).downcast::<here::bare::Client<here::bare::Idle>>();
    assert!(wrong.is_err());
    let (client, _server) = there::Bare::channel().expect("memory");
    let right = AnyEndpoint::new(client).downcast::<here::bare::Client<here::bare::Idle>>();
    assert!(right.is_ok());
}

/// Contracts of one name.
macro_rules! item {
    ($module:ident, $value:ty) => {
        mod $module {
            #[derive(contracts::Contract)]
            #[contract(start = Idle)]
            #[allow(dead_code)]
            pub(super) enum Item {
                #[client(Idle => End)]
                Put { value: $value },
            }
        }
    };
}

item!(one, u8);
item!(other, i8);
// As `one`, in another place.
item!(copy, u8);

macro_rules! holder {
    ($module:ident, $first:ident, $second:ident, $third:ident) => {
        mod $module {
            #[derive(contracts::Contract)]
            #[contract(start = Idle)]
            #[allow(dead_code)]
            pub(super) enum Holder {
                #[client(Idle => End)]
                Three {
                    first: super::$first::item::Client<super::$first::item::Idle>,
                    second: super::$second::item::Client<super::$second::item::Idle>,
                    third: super::$third::item::Client<super::$third::item::Idle>,
                },
                #[client(Idle => Idle, window = 1)]
                Again { holder: self::holder::Client<self::holder::Idle> },
            }
        }
    };
}

holder!(one_other, one, other, one);
holder!(one_other_other, one, other, other);
holder!(other_one, other, one, other);
holder!(one_one, one, one, one);
holder!(one_copy, one, copy, one);

#[test]
fn contracts_of_one_name_in_one_program_are_told_apart() {
    assert_eq!(one_other::Holder::DESCRIPTION.own, other_one::Holder::DESCRIPTION.own);
    assert_ne!(one_other::Holder::FINGERPRINT, other_one::Holder::FINGERPRINT);
    assert_ne!(one_other::Holder::FINGERPRINT, one_one::Holder::FINGERPRINT);
    assert_ne!(one_other::Holder::FINGERPRINT, one_other_other::Holder::FINGERPRINT);
    assert_eq!(info(one_other::Holder::DESCRIPTION).carried.len(), 2);
    let difference = info(one_one::Holder::DESCRIPTION).difference(&info(one_other::Holder::DESCRIPTION));
    let inner = Box::new(Difference::Message("Put".into()));
    let three = Difference::Carried { message: "Three".into(), contract: "Item".into(), difference: inner };
    assert_eq!(difference, Some(three));
}

/// Two contracts of one name that are the same in themselves, and what they carry is not.
#[derive(Contract)]
#[contract(start = Idle)]
#[allow(dead_code)]
enum Shelf {
    #[client(Idle => End)]
    Put {
        first: one_one::holder::Client<one_one::holder::Idle>,
        second: one_other::holder::Client<one_other::holder::Idle>,
    },
}

/// As seen by a program that has the first only.
mod short {
    use super::one_one;

    #[derive(contracts::Contract)]
    #[contract(start = Idle)]
    #[allow(dead_code)]
    pub(super) enum Shelf {
        #[client(Idle => End)]
        Put {
            first: one_one::holder::Client<one_one::holder::Idle>,
            second: one_one::holder::Client<one_one::holder::Idle>,
        },
    }
}

#[test]
fn contracts_of_one_name_that_differ_only_in_what_they_carry_are_told_apart() {
    assert_eq!(info(Shelf::DESCRIPTION).carried.len(), 4);
    assert_ne!(Shelf::FINGERPRINT, short::Shelf::FINGERPRINT);
    let difference =
        info(Shelf::DESCRIPTION).difference(&info(short::Shelf::DESCRIPTION)).expect("they differ");
    assert_eq!(
        difference.to_string(),
        "message Put carries Holder, in which message Three carries Item, in which message Put differs"
    );
}

#[test]
fn how_often_a_program_has_the_same_contract_makes_no_difference() {
    assert_eq!(info(one_copy::Holder::DESCRIPTION).carried.len(), 2);
    assert_eq!(info(one_one::Holder::DESCRIPTION).carried.len(), 1);
    assert_eq!(one_copy::Holder::FINGERPRINT, one_one::Holder::FINGERPRINT);
    assert_eq!(info(one_copy::Holder::DESCRIPTION).difference(&info(one_one::Holder::DESCRIPTION)), None);
}

/// A contract and one that extends it, which are the same in each module but for what parts and additions say.
macro_rules! old_and_new {
    ($module:ident, $part:ty, $addition:ty) => {
        #[allow(dead_code)]
        mod $module {
            use contracts::Contract;

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Part {
                #[client(Idle => End)]
                Put { value: $part },
            }

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Addition {
                #[client(Idle => End)]
                Put { value: $addition },
            }

            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Old {
                #[client(Idle => End)]
                Give { part: part::Client<part::Idle> },
            }

            #[derive(Contract)]
            #[contract(start = Idle, extends = Old)]
            pub(super) enum New {
                #[client(Idle => End)]
                Give { part: part::Client<part::Idle> },
                #[client(Idle => End)]
                Add { addition: addition::Client<addition::Idle> },
            }
        }
    };
}

old_and_new!(first, u64, u8);
old_and_new!(second, u64, i8);
old_and_new!(third, u32, u8);

#[test]
fn an_old_client_binds_to_a_new_server_whatever_that_carries_in_messages_of_its_own() {
    let (client, server) = (info(first::Old::DESCRIPTION), info(second::New::DESCRIPTION));
    assert_eq!(client.difference(&server), None);
    assert!(second::New::serves(first::Old::FINGERPRINT));
    // A client of the extension would send what the server does not know.
    let difference = info(first::New::DESCRIPTION).difference(&server).expect("their additions differ");
    assert_eq!(difference.to_string(), "message Add carries Addition, in which message Put differs");
    assert!(!second::New::serves(first::New::FINGERPRINT));
}

#[test]
fn an_old_client_does_not_bind_to_a_new_server_that_carries_another_part() {
    let difference = info(first::Old::DESCRIPTION).difference(&info(third::New::DESCRIPTION));
    let difference = difference.expect("the parts differ").to_string();
    assert_eq!(difference, "message Give carries Part, in which message Put differs");
    assert!(!third::New::serves(first::Old::FINGERPRINT));
}

/// A base that carries its extension.
#[derive(Contract)]
#[contract(start = Idle)]
#[allow(dead_code)]
enum Shop {
    #[client(Idle => Growing)]
    Grow,
    #[server(Growing => End)]
    Grown { store: store::Client<store::Idle> },
}

#[derive(Contract)]
#[contract(start = Idle, extends = Shop)]
#[allow(dead_code)]
enum Store {
    #[client(Idle => Growing)]
    Grow,
    #[server(Growing => End)]
    Grown { store: store::Client<store::Idle> },
    #[client(Idle => Idle, window = 1)]
    Sell,
}

#[test]
fn a_base_may_carry_its_extension() {
    let [shop, store] = [Shop::DESCRIPTION, Store::DESCRIPTION].map(info);
    assert_eq!(shop.difference(&store), None);
    assert_eq!(store.difference(&shop), Some(Difference::OnlyUsed("Sell".into())));
    let names = shop.carried.iter().map(|carried| carried.name.as_str()).collect::<Vec<_>>();
    assert_eq!((names, store.carried.len()), (vec!["Store"], 0));
}

/// Says what `first::New` says, and extends nothing.
mod alone {
    use super::first::{addition, part};

    #[derive(contracts::Contract)]
    #[contract(start = Idle)]
    #[allow(dead_code)]
    pub(super) enum New {
        #[client(Idle => End)]
        Give { part: part::Client<part::Idle> },
        #[client(Idle => End)]
        Add { addition: addition::Client<addition::Idle> },
    }
}

#[test]
fn a_contract_that_extends_another_is_not_taken_for_one_that_stands_alone() {
    // A server's endpoint of the former may belong to a channel of the base, whose slots lie elsewhere.
    assert_ne!(alone::New::FINGERPRINT, first::New::FINGERPRINT);
    let difference = info(alone::New::DESCRIPTION).difference(&info(first::New::DESCRIPTION));
    assert_eq!(difference, Some(Difference::States));
}
