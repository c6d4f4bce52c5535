//! Messages: the struct of the fields as it lies in a slot, and the variant that a receiver sees.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Index;

use super::{Writer, docs};
use crate::hygiene::local;
use crate::model::{MessageId, Move, Side};
use crate::parse::Shape;

impl Writer<'_> {
    /// The struct of a message's fields.
    pub(super) fn body(&self, message: MessageId) -> TokenStream {
        let names = &self.messages[message];
        let body = &names.body;
        let name = &self.protocol.messages[message].name;
        let fields: Vec<_> = names.surface.fields.iter().map(|field| &field.name).collect();
        let texts = names.surface.fields.iter().map(|field| crate::parse::plain(&field.name));
        let types = &names.types;
        let indices = (0..fields.len()).map(Index::from);
        let parts = fields.iter().zip(texts).zip(indices.clone()).map(|((field, text), index)| {
            quote!(Self::PARTS.#index.field(#text, __core::mem::offset_of!(Self, #field)))
        });
        let transfer = local("transfer");
        let checked = fields
            .iter()
            .zip(indices.clone())
            .map(|(field, index)| quote!(Self::PARTS.#index.check(&self.#field)));
        let handed = fields
            .iter()
            .zip(indices)
            .map(|(field, index)| quote!(Self::PARTS.#index.hand_over(&self.#field, #transfer);));
        let wire = self.body_wire(message);
        let holds = quote!(<Self as __contracts::Exchange>::HANDLES > 0);
        // A stream's message can come back to its sender.
        let (attributes, visibility) = match self.protocol.messages[message].window {
            Some(_) => {
                let docs = format!("The fields of `{name}`, given back when it could not be sent.");
                (quote!(#[doc = #docs]), Some(&self.inner))
            }
            None => (quote!(), None),
        };
        let field_docs = names.surface.fields.iter().map(|field| {
            let docs = &field.docs;
            let fallback = (docs.is_empty() && visibility.is_some())
                .then(|| format!("See `{name}`"))
                .map(|text| quote!(#[doc = #text]));
            let docs = visibility.map(|_| quote!(#(#[doc = #docs])*));
            quote!(#docs #fallback)
        });
        quote! {
            #attributes
            #[repr(C)]
            #visibility struct #body { #(#field_docs #visibility #fields: #types),* }

            impl #body {
                const PARTS: (#(__contracts::generated::Part<#types>,)*) = (#(__contracts::generated::part::<#types>(),)*);
                const FIELDS: &'static [__contracts::generated::Field] = &[#(#parts),*];
            }

            // SAFETY: each field may cross, which implies that it is `Send`. Said here so that a type that is neither
            // is reported once.
            unsafe impl __core::marker::Send for #body {}

            // SAFETY: each field may cross, the layout is C's, and every field is handed over.
            #[diagnostic::do_not_recommend]
            unsafe impl __contracts::Exchange for #body {
                const FINGERPRINT: __core::primitive::u64 = __contracts::generated::layout::<Self>(#name, Self::FIELDS);
                const FORM: __contracts::generated::Form = __contracts::generated::Form::Fields(Self::FIELDS);
                const HANDLES: __core::primitive::usize = __contracts::generated::handles(Self::FIELDS);
                const CHECKED: __core::primitive::bool = __contracts::generated::any_checked(Self::FIELDS);
                fn check(&self) -> __core::primitive::bool {
                    true #(&& #checked)*
                }
                #[inline]
                fn hand_over(&self, #transfer: &mut __contracts::Transfer) {
                    if #holds {
                        #(#handed)*
                    }
                }
                #wire
            }
        }
    }

    /// The variant in which a side receives a message.
    pub(super) fn received_variant(&self, side: Side, step: Move) -> TokenStream {
        let names = &self.messages[step.message];
        let surface = names.surface;
        let variant = &surface.name;
        let user_docs = &surface.docs;
        let name = &self.protocol.messages[step.message].name;
        let variant_docs = docs::variant(self.protocol, step);
        let next = self.endpoint_in(side, step.to);
        if next.is_none() && surface.shape == Shape::Unit {
            return quote! { #(#[doc = #user_docs])* #[doc = #variant_docs] #variant };
        }
        let fields = surface.fields.iter().zip(&names.types).map(|(field, ty)| {
            let field_name = &field.name;
            let field_docs = &field.docs;
            let fallback =
                field.docs.is_empty().then(|| format!("See `{name}`")).map(|text| quote!(#[doc = #text]));
            quote! { #(#[doc = #field_docs])* #fallback #field_name: #ty }
        });
        let next = next.map(|ty| {
            let text = docs::next(self.protocol, step);
            quote! { #[doc = #text] next: #ty }
        });
        quote! { #(#[doc = #user_docs])* #[doc = #variant_docs] #variant { #(#fields,)* #next } }
    }
}
