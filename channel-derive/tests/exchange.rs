//! `derive(Exchange)`: what it says of a type.

use contracts::{Contract, ExBox, Exchange, Text};

#[derive(Clone, Copy, Debug, PartialEq, Exchange)]
#[repr(C)]
struct Plain {
    number: u32,
    flag: bool,
    row: [i16; 3],
    text: Text<8>,
}

#[derive(Exchange)]
#[repr(C)]
struct Holder {
    before: u8,
    block: ExBox<u64>,
}

#[derive(Exchange)]
#[repr(transparent)]
struct Wrapper<T>(T);

#[derive(Exchange)]
#[repr(C)]
struct Many<T: Copy, const N: usize> {
    all: [T; N],
}

#[derive(Clone, Copy, Debug, PartialEq, Exchange)]
#[repr(u8)]
enum Colour {
    Red = 1,
    Green = 200,
}

#[derive(Exchange)]
#[repr(C, u8)]
enum Shape {
    Dot,
    Picture { pixels: ExBox<[u8]>, colour: Colour },
    Both(Wrapper<ExBox<u8>>, u32),
}

#[derive(Exchange)]
#[repr(C, align(16))]
struct Aligned {
    byte: u8,
}

#[test]
fn a_type_tells_how_many_blocks_and_endpoints_a_value_holds_at_most() {
    const {
        assert!(Plain::HANDLES == 0 && Colour::HANDLES == 0 && Wrapper::<u8>::HANDLES == 0);
        assert!(Many::<u8, 4>::HANDLES == 0 && Aligned::HANDLES == 0);
        // The parts of a struct together, of an enum the variant that holds most, of a block itself and its content.
        assert!(Holder::HANDLES == 1 && Shape::HANDLES == 1 && Wrapper::<ExBox<u8>>::HANDLES == 1);
        assert!(ExBox::<Holder>::HANDLES == 2 && ExBox::<[Holder]>::HANDLES == 1);
        assert!(<[Shape; 7]>::HANDLES == 7 && <[[Shape; usize::MAX]; 3]>::HANDLES == usize::MAX);
    }
}

/// One type, with one thing changed in each module.
macro_rules! struct_version {
    ($module:ident, $repr:meta, $name:ident { $($field:ident: $ty:ty),* }) => {
        #[allow(dead_code)]
        mod $module {
            #[derive(contracts::Exchange)]
            #[$repr]
            pub(super) struct $name {
                $($field: $ty),*
            }
        }
    };
}

struct_version!(s0, repr(C), Point { x: u32, y: u32 });
struct_version!(s1, repr(C), Point { y: u32, x: u32 });
struct_version!(s2, repr(C), Point { x: u32, y: i32 });
struct_version!(s3, repr(C), Spot { x: u32, y: u32 });
struct_version!(s4, repr(C, align(16)), Point { x: u32, y: u32 });
struct_version!(s5, repr(C), Point { x: u32 });

/// One enum, with one thing changed in each module.
macro_rules! enum_version {
    ($module:ident, $repr:meta, $($variant:ident = $value:expr),*) => {
        #[allow(dead_code)]
        mod $module {
            #[derive(contracts::Exchange)]
            #[$repr]
            pub(super) enum Colour {
                $($variant = $value),*
            }
        }
    };
}

enum_version!(e0, repr(u8), Red = 0, Green = 1);
enum_version!(e1, repr(u8), Red = 0, Green = 2);
enum_version!(e2, repr(u8), Red = 0, Blue = 1);
enum_version!(e3, repr(u16), Red = 0, Green = 1);
enum_version!(e4, repr(u8), Red = 0, Green = 1, Blue = 2);
enum_version!(e5, repr(u8), Green = 1, Red = 0);

/// One enum with fields, of another representation in each module: some have the same size and alignment.
macro_rules! represented {
    ($($module:ident: $repr:meta),*) => {
        $(
            #[allow(dead_code)]
            mod $module {
                #[derive(contracts::Exchange)]
                #[$repr]
                pub(super) enum Pick {
                    This(u8, bool, u32),
                    Nothing,
                }
            }
        )*
        const REPRESENTED: &[(&str, u64)] = &[$((stringify!($repr), $module::Pick::FINGERPRINT)),*];
    };
}
represented!(r0: repr(u8), r1: repr(u16), r2: repr(u32), r3: repr(i32), r4: repr(C), r5: repr(C, u8), r6: repr(C, u16));

#[test]
fn a_fingerprint_changes_with_the_representation_that_places_an_enums_fields() {
    for (i, (repr, one)) in REPRESENTED.iter().enumerate() {
        for (other, another) in &REPRESENTED[i + 1..] {
            assert_ne!(one, another, "{repr} and {other}");
        }
    }
}

#[test]
fn a_fingerprint_changes_with_name_fields_order_types_and_layout() {
    let all = [
        s0::Point::FINGERPRINT,
        s1::Point::FINGERPRINT,
        s2::Point::FINGERPRINT,
        s3::Spot::FINGERPRINT,
        s4::Point::FINGERPRINT,
        s5::Point::FINGERPRINT,
        e0::Colour::FINGERPRINT,
        e1::Colour::FINGERPRINT,
        e2::Colour::FINGERPRINT,
        e3::Colour::FINGERPRINT,
        e4::Colour::FINGERPRINT,
        e5::Colour::FINGERPRINT,
        Wrapper::<u8>::FINGERPRINT,
        Wrapper::<u16>::FINGERPRINT,
        Many::<u8, 3>::FINGERPRINT,
        Many::<u8, 4>::FINGERPRINT,
        Shape::FINGERPRINT,
    ];
    for (i, one) in all.iter().enumerate() {
        assert!(!all[i + 1..].contains(one), "type {i} has the fingerprint of another");
    }
}

/// Carries all of them.
#[derive(Contract)]
#[contract(start = Idle)]
enum Carrier {
    #[client(Idle => Full)]
    Load { plain: Plain, holder: Holder, shapes: [Shape; 3], aligned: Aligned, many: Many<Colour, 2> },
    #[server(Full => End)]
    Thanks,
}

fn block<T: Exchange>(value: T) -> ExBox<T> {
    ExBox::new(value).expect("the host has memory for a block")
}

#[test]
fn values_arrive_as_they_were_sent_with_all_that_they_hold() {
    let (client, server) = Carrier::channel().expect("memory for a channel");
    let plain =
        Plain { number: 7, flag: true, row: [1, -2, 3], text: Text::new("abc").expect("three bytes fit") };
    let holder = Holder { before: 1, block: block(99) };
    let address = holder.block.address();
    let pixels = ExBox::copy_of(&[1_u8, 2, 3][..]).expect("the host has memory for a block");
    let shapes =
        [Shape::Dot, Shape::Picture { pixels, colour: Colour::Green }, Shape::Both(Wrapper(block(5)), 6)];
    let many = Many { all: [Colour::Red, Colour::Green] };
    let client = client.load(plain, holder, shapes, Aligned { byte: 3 }, many);
    let Ok(carrier::ServerIdle::Load { plain: got, holder, shapes, aligned, many, next }) = server.receive()
    else {
        panic!("not the load")
    };
    assert_eq!((got.number, got.flag, got.row, got.text.as_str()), (7, true, [1, -2, 3], "abc"));
    assert_eq!((holder.before, *holder.block, holder.block.address()), (1, 99, address));
    assert_eq!((aligned.byte, many.all), (3, [Colour::Red, Colour::Green]));
    let [Shape::Dot, Shape::Picture { pixels, colour: Colour::Green }, Shape::Both(Wrapper(five), 6)] =
        shapes
    else {
        panic!("not the shapes")
    };
    assert_eq!((&*pixels, *five), (&[1_u8, 2, 3][..], 5));
    next.thanks();
    assert!(matches!(client.receive(), Ok(carrier::ClientFull::Thanks)));
}
