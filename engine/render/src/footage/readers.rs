//! Footage that is read in two places at once: where one goes over into the
//! other, or two mouths are mixed, neither seeks.

use huashen_avatar::video::film::Footage;
use huashen_core::SinkError;

/// Reading on is cheaper than seeking for so many frames.
const READ_ON: u64 = 24;

struct Place {
    footage: Box<dyn Footage>,
    /// The frame in `planes`.
    at: Option<u64>,
    planes: Vec<u8>,
}

pub(super) struct Readers {
    places: [Place; 2],
    /// Which one was used last.
    last: usize,
}

impl Readers {
    pub fn open(open: impl Fn() -> Result<Box<dyn Footage>, SinkError>) -> Result<Self, SinkError> {
        let place = || -> Result<Place, SinkError> {
            Ok(Place {
                footage: open()?,
                at: None,
                planes: Vec::new(),
            })
        };
        Ok(Self {
            places: [place()?, place()?],
            last: 0,
        })
    }

    /// The planes of frame `index`; see [`Footage::read`].
    pub fn read(&mut self, index: u64) -> Result<&[u8], SinkError> {
        let ahead = |place: &Place| {
            let on = index.checked_sub(place.at?)?;
            (on <= READ_ON).then_some(on)
        };
        let nearest = (0..self.places.len())
            .filter_map(|i| Some((ahead(&self.places[i])?, i)))
            .min();
        // Where both would seek, the one that was left longer ago.
        let chosen = nearest.map_or(1 - self.last, |(_, i)| i);
        self.last = chosen;
        let place = &mut self.places[chosen];
        if place.at != Some(index) {
            place.at = None;
            place.footage.read(index, &mut place.planes)?;
            place.at = Some(index);
        }
        Ok(&place.planes)
    }
}
