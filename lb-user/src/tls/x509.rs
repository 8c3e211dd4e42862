//! What a certificate says (RFC 5280), in OpenSSL's words.

use x509_parser::objects::{oid_registry, oid2abbrev, oid2sn};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate, X509Name};

/// A certificate whose facts are asked for.
pub struct Parsed<'a>(X509Certificate<'a>);

/// Which of the two names in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    Subject,
    Issuer,
}

impl<'a> Parsed<'a> {
    /// Reads a certificate, DER.
    pub fn new(der: &'a [u8]) -> Option<Parsed<'a>> {
        X509Certificate::from_der(der)
            .ok()
            .map(|(_, certificate)| Parsed(certificate))
    }

    /// The version of its form: 3 for all that have extensions.
    pub fn version(&self) -> u32 {
        self.0.version().0 + 1
    }

    /// The serial number, in the bytes of the certificate.
    pub fn serial(&self) -> &[u8] {
        self.0.raw_serial()
    }

    /// From when it is valid, `YYMMDDhhmmssZ`.
    pub fn not_before(&self) -> String {
        time(self.0.validity().not_before)
    }

    /// Until when it is valid, `YYMMDDhhmmssZ`.
    pub fn not_after(&self) -> String {
        time(self.0.validity().not_after)
    }

    /// The algorithm of its signature, such as `RSA-SHA256`.
    pub fn signature_algorithm(&self) -> String {
        short_name(&self.0.signature_algorithm.algorithm)
    }

    /// The algorithm of its key, such as `rsaEncryption`.
    pub fn key_algorithm(&self) -> String {
        short_name(&self.0.public_key().algorithm.algorithm)
    }

    /// A whole name: `/C=FR/CN=www`, or as RFC 2253 has it `CN=www,C=FR`.
    pub fn name(&self, party: Party, rfc2253: bool) -> String {
        let mut entries: Vec<String> = entries(self.party(party))
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        if rfc2253 {
            entries.reverse();
            return entries.join(",");
        }
        entries.iter().map(|entry| format!("/{entry}")).collect()
    }

    /// The value of one entry of a name: the `nth` from the beginning (1 is the first) or, negative, from the end.
    pub fn entry(&self, party: Party, key: &str, nth: i64) -> Option<String> {
        let values: Vec<String> = entries(self.party(party))
            .filter(|(found, _)| found == key)
            .map(|(_, value)| value)
            .collect();
        let index = match nth {
            0 => 0,
            1.. => nth - 1,
            _ => i64::try_from(values.len()).ok()? + nth,
        };
        values.into_iter().nth(usize::try_from(index).ok()?)
    }

    fn party(&self, party: Party) -> &X509Name<'_> {
        match party {
            Party::Subject => self.0.subject(),
            Party::Issuer => self.0.issuer(),
        }
    }
}

fn entries(name: &X509Name<'_>) -> impl Iterator<Item = (String, String)> {
    name.iter_attributes().map(|attribute| {
        let kind = attribute.attr_type();
        let key = match kind.to_id_string().as_str() {
            "1.2.840.113549.1.9.1" => "emailAddress".to_owned(),
            other => oid2abbrev(kind, oid_registry()).map_or_else(|_| other.to_owned(), str::to_owned),
        };
        let value = String::from_utf8_lossy(attribute.as_slice()).into_owned();
        (key, value)
    })
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5).
fn time(time: ASN1Time) -> String {
    let date = time.to_datetime();
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second) = date.to_hms();
    match time.is_generalizedtime() {
        true => format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z"),
        false => format!("{:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z", year % 100),
    }
}

/// OpenSSL's short name of an algorithm.
fn short_name(oid: &Oid<'_>) -> String {
    match oid.to_id_string().as_str() {
        "1.2.840.113549.1.1.5" => "RSA-SHA1".to_owned(),
        "1.2.840.113549.1.1.11" => "RSA-SHA256".to_owned(),
        "1.2.840.113549.1.1.12" => "RSA-SHA384".to_owned(),
        "1.2.840.113549.1.1.13" => "RSA-SHA512".to_owned(),
        "1.2.840.113549.1.1.10" => "RSASSA-PSS".to_owned(),
        "1.3.101.112" => "ED25519".to_owned(),
        "1.2.840.10045.2.1" => "id-ecPublicKey".to_owned(),
        other => oid2sn(oid, oid_registry()).map_or_else(|_| other.to_owned(), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

    #[test]
    fn facts_are_in_openssl_s_words() {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in [
            (DnType::CountryName, "FR"),
            (DnType::OrganizationalUnitName, "one"),
            (DnType::CommonName, "www.example.com"),
        ] {
            params.distinguished_name.push(kind, value);
        }
        params.serial_number = Some(0x0102_u64.into());
        params.not_before = date_time_ymd(2021, 5, 14);
        params.not_after = date_time_ymd(2051, 1, 2);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let parsed = Parsed::new(made.der()).unwrap();
        assert_eq!(parsed.version(), 3);
        assert_eq!(parsed.serial(), [1, 2]);
        assert_eq!(parsed.not_before(), "210514000000Z");
        assert_eq!(parsed.not_after(), "20510102000000Z");
        assert_eq!(parsed.signature_algorithm(), "ecdsa-with-SHA256");
        assert_eq!(parsed.key_algorithm(), "id-ecPublicKey");
        assert_eq!(parsed.name(Party::Subject, false), "/C=FR/OU=one/CN=www.example.com");
        assert_eq!(parsed.name(Party::Issuer, true), "CN=www.example.com,OU=one,C=FR");
        assert_eq!(
            parsed.entry(Party::Subject, "CN", 1).as_deref(),
            Some("www.example.com")
        );
        assert_eq!(parsed.entry(Party::Subject, "OU", -1).as_deref(), Some("one"));
        assert_eq!(parsed.entry(Party::Subject, "OU", 2), None);
        assert!(Parsed::new(b"junk").is_none());
    }
}
