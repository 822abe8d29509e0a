// The drawn person over the plate, as planar BT.709 limited-range Y'CbCr 4:2:0.
//
// Twin of engine/render/src/{mixing,i420}.rs: the same integers. One invocation writes
// 8x2 pixels, so that every store is a whole 32-bit word; rows of the output
// are padded to a multiple of 8 pixels.

struct Finish {
    // Size of the picture in pixels.
    size: vec2<u32>,
    // Where the drawn texture lies in the picture, and how large it is.
    origin: vec2<u32>,
    drawn: vec2<u32>,
    // Row length of the luma plane in bytes.
    stride: u32,
    // 0: light is mixed, 1: encoded values are; engine/render/src/mixing.rs.
    mixing: u32,
}

@group(0) @binding(0) var<uniform> finish: Finish;
@group(0) @binding(1) var drawn: texture_2d<f32>;
@group(0) @binding(2) var plate: texture_2d<f32>;
@group(0) @binding(3) var<storage, read_write> planes: array<u32>;

fn decode(v: vec3<f32>) -> vec3<f32> {
    return select(
        pow((v + 0.055) / 1.055, vec3(2.4)),
        v / 12.92,
        v <= vec3(0.04045),
    );
}

fn encode(v: vec3<f32>) -> vec3<f32> {
    let c = clamp(v, vec3(0.0), vec3(1.0));
    return select(
        1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055,
        c * 12.92,
        c <= vec3(0.0031308),
    );
}

// The finished pixel, sRGB-encoded, 0 to 255.
fn pixel(at: vec2<u32>) -> vec3<i32> {
    let back = textureLoad(plate, at, 0).rgb;
    var colour = back;
    if all(at >= finish.origin) && all(at < finish.origin + finish.drawn) {
        let front = textureLoad(drawn, at - finish.origin, 0);
        if front.a >= 1.0 {
            colour = front.rgb;
        } else if front.a > 0.0 {
            if finish.mixing == 1u {
                colour = min(front.rgb + (1.0 - front.a) * back, vec3(1.0));
            } else {
                colour = encode(decode(front.rgb) + (1.0 - front.a) * decode(back));
            }
        }
    }
    return vec3<i32>(round(colour * 255.0));
}

fn weigh(k: vec3<i32>, c: vec3<i32>) -> i32 {
    return k.x * c.x + k.y * c.y + k.z * c.z;
}

fn luma(c: vec3<i32>) -> u32 {
    return u32(16 + ((weigh(vec3(11966, 40254, 4064), c) + 32768) >> 16u));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let x0 = id.x * 8u;
    let y0 = id.y * 2u;
    if x0 >= finish.stride || y0 >= finish.size.y {
        return;
    }
    // Columns x0 - 1 to x0 + 7; both rows summed, for the chroma filter.
    var sums: array<vec3<i32>, 9>;
    var top = vec2<u32>(0u);
    var bottom = vec2<u32>(0u);
    let right = finish.size.x - 1u;
    for (var i = 0u; i < 9u; i++) {
        let x = min(max(x0 + i, 1u) - 1u, right);
        let a = pixel(vec2(x, y0));
        let b = pixel(vec2(x, y0 + 1u));
        sums[i] = a + b;
        if i > 0u {
            let word = (i - 1u) / 4u;
            let shift = ((i - 1u) % 4u) * 8u;
            top[word] |= luma(a) << shift;
            bottom[word] |= luma(b) << shift;
        }
    }
    var cb = 0u;
    var cr = 0u;
    for (var i = 0u; i < 4u; i++) {
        let c = sums[2u * i] + 2 * sums[2u * i + 1u] + sums[2u * i + 2u];
        let b = 128 + ((weigh(vec3(-6596, -22188, 28784), c) + 262144) >> 19u);
        let r = 128 + ((weigh(vec3(28784, -26145, -2639), c) + 262144) >> 19u);
        cb |= u32(b) << (i * 8u);
        cr |= u32(r) << (i * 8u);
    }
    let row = finish.stride / 4u;
    let luma_at = y0 * row + id.x * 2u;
    planes[luma_at] = top.x;
    planes[luma_at + 1u] = top.y;
    planes[luma_at + row] = bottom.x;
    planes[luma_at + row + 1u] = bottom.y;
    let chroma_at = finish.size.y * row + id.y * (row / 2u) + id.x;
    planes[chroma_at] = cb;
    planes[chroma_at + finish.size.y / 2u * (row / 2u)] = cr;
}
