//! Which of the 478 landmarks is what. Numbers as in MediaPipe's face mesh;
//! left is the person's left.

/// The outline of the face, clockwise from the top as seen in the picture.
pub const FACE_OVAL: [usize; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];
/// The widest places of the face: its right, its left.
pub const CHEEKS: [usize; 2] = [234, 454];
/// The inner edges of the lips, from the right corner to the left one.
pub const LIP_INNER_UPPER: [usize; 11] = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308];
pub const LIP_INNER_LOWER: [usize; 11] = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308];
/// The outer edge of both lips, all around.
pub const LIP_OUTER: [usize; 20] = [
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
];
/// The lids' edges, from the outer corner to the inner one.
pub const RIGHT_LID_UPPER: [usize; 9] = [33, 246, 161, 160, 159, 158, 157, 173, 133];
pub const RIGHT_LID_LOWER: [usize; 9] = [33, 7, 163, 144, 145, 153, 154, 155, 133];
pub const LEFT_LID_UPPER: [usize; 9] = [263, 466, 388, 387, 386, 385, 384, 398, 362];
pub const LEFT_LID_LOWER: [usize; 9] = [263, 249, 390, 373, 374, 380, 381, 382, 362];
/// The lower edges of the brows, from the outer end to the inner one.
pub const RIGHT_BROW: [usize; 5] = [46, 53, 52, 65, 55];
pub const LEFT_BROW: [usize; 5] = [276, 283, 282, 295, 285];
/// Middle of the iris, then its right, top, left and bottom in the picture.
pub const RIGHT_IRIS: [usize; 5] = [468, 469, 470, 471, 472];
pub const LEFT_IRIS: [usize; 5] = [473, 474, 475, 476, 477];
