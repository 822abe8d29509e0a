//! Signed provenance inside clips (C2PA 2): who signs that a clip is synthetic,
//! and whether it is still what was signed.
//!
//! Nothing here goes to a network: no time stamps of an authority, no list of
//! whom to trust.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

use c2pa::{
    BoxedSigner, Builder, BuilderIntent, ClaimGeneratorInfo, Context, DigitalSourceType, Reader,
    SigningAlg, ValidationState, create_signer,
};
use image::{ImageFormat, RgbImage};
use serde::Serialize;
use thiserror::Error;

/// What can go wrong with signatures.
#[derive(Debug, Error)]
pub enum ProvenanceError {
    #[error("{path} cannot be read: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "nothing can be signed with {key} and {cert} ({reason}): the certificate is a PEM with its \
         chain behind it, made for signing documents or e-mail, valid today and not its own \
         issuer; the key is its private key (PKCS #8, PEM)"
    )]
    Credentials {
        cert: PathBuf,
        key: PathBuf,
        reason: String,
    },
    #[error("the clip could not be signed: {0}")]
    Sign(String),
}

/// Names of files that can carry a signature.
pub const SIGNED_FORMS: [&str; 7] = ["mp4", "mov", "m4a", "mp3", "wav", "gif", "webp"];

const MISMATCH: &str = c2pa::validation_status::CLAIM_SIGNATURE_MISMATCH;
/// Said of everybody, as nobody's list is asked.
const UNTRUSTED: &str = c2pa::validation_status::SIGNING_CREDENTIAL_UNTRUSTED;

/// Signs finished clips.
pub struct ClipSigner {
    signer: BoxedSigner,
    name: String,
}

impl ClipSigner {
    /// Reads a certificate chain and its private key, both PEM, and signs
    /// something small with them: what is wrong shows before the long work.
    ///
    /// # Errors
    /// When they cannot be read or do not go together.
    pub fn open(cert: &Path, key: &Path) -> Result<Self, ProvenanceError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| ProvenanceError::Read {
                path: path.to_owned(),
                source,
            })
        };
        let (chain, secret) = (read(cert)?, read(key)?);
        // The kinds of keys that C2PA knows: the first one that this is.
        let kinds = [
            SigningAlg::Es256,
            SigningAlg::Es384,
            SigningAlg::Es512,
            SigningAlg::Ed25519,
            SigningAlg::Ps256,
        ];
        let mut reason = String::new();
        for kind in kinds {
            let signer = match create_signer::from_keys(&chain, &secret, kind, None) {
                Ok(signer) => signer,
                Err(error) => {
                    reason = error.to_string();
                    continue;
                }
            };
            let mut this = Self {
                signer,
                name: String::new(),
            };
            match this.try_out() {
                Ok(name) => {
                    this.name = name;
                    return Ok(this);
                }
                Err(why) => {
                    reason = why;
                    break;
                }
            }
        }
        Err(ProvenanceError::Credentials {
            cert: cert.to_owned(),
            key: key.to_owned(),
            reason,
        })
    }

    /// Whose certificate it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Signs a picture of one pixel; the signer's name, as it is read back.
    fn try_out(&self) -> Result<String, String> {
        let mut png = Cursor::new(Vec::new());
        RgbImage::new(1, 1)
            .write_to(&mut png, ImageFormat::Png)
            .map_err(|e| e.to_string())?;
        let mut signed = Cursor::new(Vec::new());
        self.write("png", &mut png, &mut signed)?;
        match read_from("png", signed).map_err(|e| e.to_string())? {
            Some(found) if found.intact => {
                Ok(found.signer.or(found.organisation).unwrap_or_default())
            }
            Some(found) if found.problems.iter().any(|p| p == MISMATCH) => {
                Err("the key is not the certificate's".to_owned())
            }
            Some(found) => Err(found.problems.join(", ")),
            None => Err("no signature can be read back".to_owned()),
        }
    }

    /// Signs the finished file at `path`, which is of the form that `extension`
    /// names, in place.
    ///
    /// # Errors
    /// When its form takes no signature, or the disk is full; then it is as it was.
    pub fn sign(&self, path: &Path, extension: &str) -> Result<(), ProvenanceError> {
        let failed = |e: std::io::Error| ProvenanceError::Sign(e.to_string());
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let mut signed = tempfile::Builder::new()
            .prefix(".huashen-")
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .map_err(failed)?;
        let meta = std::fs::metadata(path).map_err(failed)?;
        let mut source = File::open(path).map_err(failed)?;
        self.write(extension, &mut source, signed.as_file_mut())
            .map_err(ProvenanceError::Sign)?;
        // The temporary file is its owner's alone; the clip is not.
        signed
            .as_file()
            .set_permissions(meta.permissions())
            .map_err(failed)?;
        signed.persist(path).map_err(|e| failed(e.error))?;
        Ok(())
    }

    fn write<R, W>(&self, form: &str, source: &mut R, signed: &mut W) -> Result<(), String>
    where
        R: std::io::Read + std::io::Seek + Send,
        W: std::io::Write + std::io::Read + std::io::Seek + Send,
    {
        let mut builder = Builder::from_context(Context::new());
        let mut maker = ClaimGeneratorInfo::new("Huashen");
        maker.set_version(env!("CARGO_PKG_VERSION"));
        builder.set_claim_generator_info(maker);
        // A person's picture, model or recording, made to speak and move by models.
        builder.set_intent(BuilderIntent::Create(
            DigitalSourceType::CompositeWithTrainedAlgorithmicMedia,
        ));
        builder
            .sign(&*self.signer, form, source, signed)
            .map(|_| ())
            .map_err(|e| e.to_string())
    }
}

/// What a clip's signature says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The certificate's name, and whose it is.
    pub signer: Option<String>,
    pub organisation: Option<String>,
    /// The program that made the clip.
    pub made_with: Option<String>,
    /// What kind of thing it says it is: the last part of IPTC's digital source type.
    pub source_type: Option<String>,
    /// When a time authority saw it.
    pub time: Option<String>,
    /// Whether signature and clip are whole. Whether the signer is to be
    /// trusted is another question, which needs a list of names.
    pub intact: bool,
    /// What is wrong, in C2PA's codes.
    pub problems: Vec<String>,
}

/// Reads the signature of a clip; none when it has none.
///
/// # Errors
/// When the file cannot be read, or its signature is no signature.
pub fn read(path: &Path) -> Result<Option<Provenance>, ProvenanceError> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    let extension = extension.to_ascii_lowercase();
    if !SIGNED_FORMS.contains(&extension.as_str()) {
        return Ok(None);
    }
    let file = File::open(path).map_err(|source| ProvenanceError::Read {
        path: path.to_owned(),
        source,
    })?;
    read_from(&extension, BufReader::new(file))
}

fn read_from(
    form: &str,
    stream: impl std::io::Read + std::io::Seek + Send,
) -> Result<Option<Provenance>, ProvenanceError> {
    let reader = match Reader::from_context(Context::new()).with_stream(form, stream) {
        Ok(reader) => reader,
        Err(c2pa::Error::JumbfNotFound) => return Ok(None),
        Err(error) => return Err(ProvenanceError::Sign(error.to_string())),
    };
    let Some(manifest) = reader.active_manifest() else {
        return Ok(None);
    };
    let info = manifest.signature_info();
    let intact = reader.validation_state() != ValidationState::Invalid;
    let status = reader.validation_status().unwrap_or_default().iter();
    let made_with = manifest.claim_generator_info.iter().flatten().next();
    let made_with = made_with.and_then(|info| serde_json::to_value(info).ok());
    Ok(Some(Provenance {
        signer: info.and_then(|i| i.common_name.clone()),
        organisation: info.and_then(|i| i.issuer.clone()),
        made_with: made_with.map(|info| {
            let part = |key: &str| info[key].as_str().unwrap_or_default();
            format!("{} {}", part("name"), part("version"))
                .trim_end()
                .to_owned()
        }),
        source_type: source_type(manifest),
        time: info.and_then(|i| i.time.clone()),
        intact,
        problems: match intact {
            true => Vec::new(),
            false => status
                .filter(|s| !s.passed() && s.code() != UNTRUSTED)
                .map(|s| s.code().to_owned())
                .collect(),
        },
    }))
}

fn source_type(manifest: &c2pa::Manifest) -> Option<String> {
    let actions: c2pa::assertions::Actions = manifest
        .find_assertion(c2pa::assertions::Actions::LABEL)
        .ok()?;
    let first = actions.actions().first()?;
    let kind = serde_json::to_value(first.source_type()?).ok()?;
    Some(kind.as_str()?.rsplit('/').next()?.to_owned())
}
