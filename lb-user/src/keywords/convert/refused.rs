//! Converters of the language that this version refuses by name.

use super::refused;
use crate::rules::ConvertRow;

pub(super) const ROWS: &[ConvertRow] = &[
    refused(
        &["51d.single"],
        "(<prop>[,<prop>*])",
        "Properties of the client's device, from a vendor's library.",
    ),
    refused(
        &["aes_gcm_dec"],
        "(<bits>,<nonce>,<key>,<aead_tag>)",
        "Decrypts with AES-GCM.",
    ),
    refused(
        &["debug"],
        "([<prefix][,<destination>])",
        "Shows what passes through in an event sink.",
    ),
    refused(
        &["protobuf"],
        "(<field_number>,[<field_type>])",
        "A field of a protocol buffer.",
    ),
    refused(
        &["ungrpc"],
        "(<field_number>,[<field_type>])",
        "A field of the protocol buffer in a gRPC message.",
    ),
];
