//! The enum as the wire form of its messages.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Index;

use super::{MessageNames, Writer, side_path};
use crate::hygiene::local;
use crate::model::MessageId;
use crate::parse::{Field, plain};
use crate::wire::{self, WirePart};

impl MessageNames<'_> {
    fn parts(&self) -> Vec<WirePart> {
        let part = |(number, field): (usize, &Field)| {
            let (name, index) = (&field.name, Index::from(number));
            WirePart { member: quote!(#name), text: plain(name), part: quote!(Self::PARTS.#index) }
        };
        self.surface.fields.iter().enumerate().map(part).collect()
    }
}

impl Writer<'_> {
    /// What a message's body has in `Exchange` for the wire form.
    pub(super) fn body_wire(&self, message: MessageId) -> TokenStream {
        let names = &self.messages[message];
        let name = &self.protocol.messages[message].name;
        let parts = names.parts();
        let (pattern, encode, decode) = (wire::pattern(&parts), wire::encode(&parts), wire::decode(&parts));
        let encoder = wire::encoder();
        let functions = wire::functions(
            &quote! {
                __contracts::wire::Encoder::open(#encoder, #name);
                let Self { #pattern } = self;
                #encode
            },
            &quote!(__core::result::Result::Ok(Self { #decode })),
        );
        quote! {
            const ANY_BYTES: __core::primitive::bool = __contracts::generated::any_bytes::<Self>(Self::FIELDS);
            const WIRE_BYTES: __core::primitive::usize = __contracts::generated::wire_bytes(Self::FIELDS);
            #functions
        }
    }

    /// `impl Message`.
    pub(super) fn message(&self) -> TokenStream {
        let contract = &self.contract;
        let (number, user) = (local("number"), local("user"));
        let (maker, content) = (local("maker"), local("content"));
        let lengths = self.each(|number, names| {
            let (side, body) = (side_path(self.protocol.messages[number].sender), &names.body);
            quote!((#side, <#body as __contracts::Exchange>::WIRE_BYTES),)
        });
        let numbers = self.each(|number, names| {
            let (variant, number) = (&names.surface.name, number as u16);
            quote!(Self::#variant { .. } => #number,)
        });
        let uses = self.each(|_, names| {
            let (variant, body) = (&names.surface.name, &names.body);
            let fields: Vec<_> = names.surface.fields.iter().map(|field| &field.name).collect();
            quote! {
                Self::#variant { #(#fields),* } => __contracts::wire::UseBody::body(#user, #body { #(#fields),* }),
            }
        });
        let makes = self.each(|number, names| {
            let (variant, body, number) = (&names.surface.name, &names.body, number as u16);
            let fields: Vec<_> = names.surface.fields.iter().map(|field| &field.name).collect();
            quote! {
                #number => {
                    let #content: #body = __contracts::wire::MakeBody::body(#maker)?;
                    Self::#variant { #(#fields: #content.#fields),* }
                }
            }
        });
        quote! {
            // SAFETY: each number is its variant's position, and each has the body of its variant.
            unsafe impl __contracts::wire::Message for #contract {
                const WIRE_BYTES: [__core::primitive::usize; 2] = __contracts::generated::messages_wire_bytes(&[#(#lengths)*]);
                fn number(&self) -> __core::primitive::u16 {
                    match self { #(#numbers)* }
                }
                fn into_body<U: __contracts::wire::UseBody>(self, #user: U) -> U::Output {
                    match self { #(#uses)* }
                }
                fn from_body<M: __contracts::wire::MakeBody>(
                    #number: __core::primitive::u16,
                    #maker: M,
                ) -> __core::result::Result<Self, M::Error> {
                    __core::result::Result::Ok(match #number {
                        #(#makes)*
                        _ => return __core::result::Result::Err(__contracts::wire::MakeBody::unknown(#maker, #number)),
                    })
                }
            }
        }
    }

    /// Code for each message.
    fn each(&self, code: impl Fn(MessageId, &MessageNames<'_>) -> TokenStream) -> Vec<TokenStream> {
        self.messages.iter().enumerate().map(|(number, names)| code(number, names)).collect()
    }
}
