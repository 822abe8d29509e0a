// The lean look: one pass, lit by a soft studio of three lights and a
// hemisphere, short enough for a processor to draw at video rate.
//
// Light is linear; the target encodes to sRGB. Colours leave premultiplied.

// What is shaded; engine/render/src/lean/pipelines.rs sets these.
override KIND: u32 = 0u;
// 0 opaque, 1 cut at the material's threshold, 2 blended.
override ALPHA: u32 = 0u;
override TEXTURED: bool = false;
override NORMAL_MAPPED: bool = false;
// Has factors besides its texture.
override COLOURED: bool = true;
override SHADOWED: bool = true;
// Neither side of a triangle is its back.
override TWO_SIDED: bool = false;
// The alpha of what covers a pixel; see engine/render/src/mixing.rs.
override FULL: f32 = 1.0;

const GENERIC = 0u;
const SKIN = 1u;
const EYE = 2u;
const CORNEA = 3u;
const TEETH = 4u;
const TONGUE = 5u;
const HAIR = 6u;
const LASH = 7u;
const CLOTH = 8u;
const UNLIT = 9u;

struct View {
    clip_from_world: mat4x4<f32>,
    shadow_from_world: mat4x4<f32>,
    eye: vec3<f32>,
    // How far the jaw is open, 0 to 1: light that reaches teeth and tongue.
    mouth_open: f32,
}

struct Surface {
    base: vec4<f32>,
    emissive: vec3<f32>,
    roughness: f32,
    metallic: f32,
    cutoff: f32,
    normal_scale: f32,
    // 1 where the model has no cornea, so that the globe carries the catchlight.
    catchlight: f32,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var shadow_map: texture_depth_2d;
@group(0) @binding(2) var shadow_sampler: sampler_comparison;
@group(1) @binding(0) var<uniform> surface: Surface;
@group(1) @binding(1) var base_map: texture_2d<f32>;
@group(1) @binding(2) var normal_map: texture_2d<f32>;
@group(1) @binding(3) var map_sampler: sampler;

struct Vertex {
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) uv: vec2<f32>,
    @location(3) colour: vec4<f32>,
    @location(4) occlusion: vec4<f32>,
}

// Light on its way to the eye: what the base colour takes, and what lies on top.
struct Light {
    diffuse: vec3<f32>,
    gloss: vec3<f32>,
}

// A place on a surface and what reaches it.
struct Place {
    n: vec3<f32>,
    // To the eye.
    v: vec3<f32>,
    // How much of the key light, and of the ambient light, arrives.
    shadow: vec3<f32>,
    occlusion: f32,
    // The vertex colour's red.
    depth: f32,
}

// The studio. Directions point to the lights; +Z is towards the camera, -X is
// the picture's left.
const KEY_TO = vec3<f32>(-0.5080, 0.5588, 0.6553);
const KEY = vec3<f32>(1.20, 1.11, 1.01);
const FILL_TO = vec3<f32>(0.7352, 0.1838, 0.6525);
const FILL = vec3<f32>(0.27, 0.30, 0.34);
const RIM_TO = vec3<f32>(0.6172, 0.4629, -0.6362);
const RIM = vec3<f32>(0.62, 0.67, 0.76);
const SKY = vec3<f32>(0.37, 0.385, 0.41);
const GROUND = vec3<f32>(0.20, 0.17, 0.155);

fn square(x: f32) -> f32 {
    return x * x;
}

fn fifth(x: f32) -> f32 {
    let x2 = x * x;
    return x2 * x2 * x;
}

// GGX with a cheap visibility term (Karis' mobile form).
fn gloss(n: vec3<f32>, h: vec3<f32>, to_light: vec3<f32>, roughness: f32) -> f32 {
    let a = roughness * roughness;
    let nh = saturate(dot(n, h));
    let lh = saturate(dot(to_light, h));
    let d = nh * nh * (a * a - 1.0) + 1.0;
    return a * a / (4.0 * d * d * max(lh * lh, 0.1) * (a + 0.5));
}

// Position in the shadow map. Orthographic: no division. Moved along the normal
// against acne.
fn in_shadow_map(position: vec3<f32>, normal: vec3<f32>) -> vec3<f32> {
    return (view.shadow_from_world * vec4(position + normal * 0.0035, 1.0)).xyz;
}

fn tap(at: vec2<f32>, z: f32) -> f32 {
    return textureSampleCompareLevel(shadow_map, shadow_sampler, at, z);
}

// How much of the key light arrives: a tent over 3 by 3 texels in four filtered
// taps (Castaño, "Shadow Mapping Summary"). Weights follow the place within a
// texel, so that edges show no steps.
fn lit(place: vec3<f32>) -> f32 {
    let side = f32(textureDimensions(shadow_map).x);
    let at = vec2(place.x * 0.5 + 0.5, 0.5 - place.y * 0.5) * side;
    let base = floor(at + 0.5);
    let s = at + 0.5 - base;
    let w0 = 3.0 - 2.0 * s;
    let w1 = 1.0 + 2.0 * s;
    let corner = base - 0.5;
    let o0 = ((2.0 - s) / w0 - 1.0 + corner) / side;
    let o1 = (s / w1 + 1.0 + corner) / side;
    return (w0.x * w0.y * tap(o0, place.z)
        + w1.x * w0.y * tap(vec2(o1.x, o0.y), place.z)
        + w0.x * w1.y * tap(vec2(o0.x, o1.y), place.z)
        + w1.x * w1.y * tap(o1, place.z)) / 16.0;
}

// How much of it comes through a surface: red light bleeds under skin.
fn through(shadow: f32) -> vec3<f32> {
    if KIND == SKIN {
        return vec3(mix(shadow, sqrt(shadow), 0.35), shadow, shadow);
    }
    return vec3(shadow);
}

// The map holds square roots of light: engine/render/src/lean/textures.rs.
fn base_colour(uv: vec2<f32>) -> vec4<f32> {
    let c = textureSample(base_map, map_sampler, uv);
    return vec4(c.rgb * c.rgb, c.a);
}

// A window-shaped softbox and a small fill, mirrored in a wet surface.
fn softbox(r: vec3<f32>) -> f32 {
    let side = normalize(cross(vec3(0.0, 1.0, 0.0), KEY_TO));
    let up = cross(KEY_TO, side);
    let facing = step(0.0, dot(r, KEY_TO));
    let x = abs(dot(r, side));
    let y = abs(dot(r, up));
    let window = smoothstep(0.28, 0.14, x) * smoothstep(0.34, 0.20, y);
    let fill = smoothstep(0.965, 0.995, dot(r, FILL_TO));
    return facing * window + 0.14 * fill;
}

// A soft shoulder above 0.5, so that highlights roll off instead of clipping.
fn expose(c: vec3<f32>) -> vec3<f32> {
    let over = max(c - 0.5, vec3(0.0));
    return min(c, vec3(0.5)) + over / (1.0 + over * 1.7);
}

// Every kind but the glass of the cornea; linear in the base colour, so that it
// can be taken at vertices as well as at pixels.
fn light(p: Place) -> Light {
    let n = p.n;
    let nv = saturate(dot(n, p.v));
    let key = dot(n, KEY_TO);
    let fill = saturate(dot(n, FILL_TO) * 0.7 + 0.3);
    let rim = saturate(dot(n, RIM_TO));
    let shadow = p.shadow;
    let occlusion = p.occlusion;
    let ambient = mix(GROUND, SKY, n.y * 0.5 + 0.5) * occlusion;
    let key_h = normalize(KEY_TO + p.v);
    var diffuse: vec3<f32>;
    var glint: vec3<f32>;

    if KIND == SKIN {
        // Light bleeds under the skin: each channel wraps by its own mean free
        // path, so that the terminator turns red instead of grey.
        let wrap = vec3(0.42, 0.20, 0.12);
        let bled = saturate((vec3(key) + wrap) / (1.0 + wrap));
        diffuse = KEY * bled * shadow + FILL * fill * occlusion + RIM * rim * 0.5 + ambient;
        // One broad lobe: powdered skin.
        let film = gloss(n, key_h, KEY_TO, clamp(surface.roughness, 0.45, 0.8));
        let fuzz = fifth(1.0 - nv) * (SKY * 0.35 * occlusion + RIM * saturate(rim + 0.2) * 0.5);
        glint = KEY * film * (0.018 * 3.1416) * saturate(key) * shadow + fuzz * 0.5;
    } else if KIND == EYE {
        // The upper lid shades the globe.
        let lid = mix(0.40, 1.0, smoothstep(0.62, 0.0, n.y)) * mix(0.62, 1.0, nv);
        diffuse = KEY * saturate(key * 0.6 + 0.4) * (0.5 + 0.5 * shadow) + FILL * fill + ambient;
        diffuse *= lid * 0.95;
        // Times, not a branch: Mesa's software adapter makes new shaders for each
        // frame, and keeps them all, where a uniform decides a branch.
        glint = vec3((softbox(reflect(-p.v, n)) * 0.75 + 0.03 * fifth(1.0 - nv)) * surface.catchlight);
    } else if KIND == TEETH || KIND == TONGUE {
        // Teeth stand in front: a smile lights them with the jaw shut.
        let open = mix(select(0.18, 0.55, KIND == TEETH), 0.92, view.mouth_open);
        let wet = gloss(n, key_h, KEY_TO, 0.3) * 0.04 * 3.1416 * saturate(key) * shadow;
        diffuse = KEY * saturate(key * 0.6 + 0.4) * (0.35 + 0.65 * shadow) + FILL * fill + ambient;
        // Occlusion was baked with the mouth shut; `open` stands for it here.
        let inside = open * max(occlusion, 0.75);
        diffuse *= inside;
        // The vertex colour tells how deep it lies: nothing shines in the throat.
        glint = KEY * wet * p.depth * inside;
    } else if KIND == HAIR {
        // Strands run down the head; two shifted highlights (Kajiya and Kay,
        // with Scheuermann's shift).
        let down = vec3(0.0, -1.0, -0.25);
        let t = normalize(down - n * dot(down, n) + vec3(1e-4));
        let t1 = normalize(t + n * 0.10);
        let t2 = normalize(t - n * 0.12);
        let s1 = dot(t1, key_h);
        let s2 = dot(t2, key_h);
        let sheen = square(square(saturate(1.0 - s1 * s1)));
        let first = square(square(sheen)) * square(square(sheen));
        let second = square(square(saturate(1.0 - s2 * s2)));
        let towards = saturate(key * 0.75 + 0.25) * (0.3 + 0.7 * shadow);
        let back_h = normalize(RIM_TO + p.v);
        let s3 = dot(t, back_h);
        let back = square(square(saturate(1.0 - s3 * s3))) * saturate(rim + 0.15);
        diffuse = (KEY * towards + FILL * fill * occlusion + RIM * rim * 0.7 + ambient) * 0.9
            + KEY * towards * (second * 0.35);
        glint = KEY * towards * (first * 0.045 * vec3(1.0, 0.95, 0.9)) + RIM * back * 0.06;
    } else if KIND == LASH {
        diffuse = KEY * saturate(key * 0.5 + 0.5) * 0.5 + FILL * fill + ambient;
    } else if KIND == CLOTH {
        let towards = saturate((key + 0.15) / 1.15) * shadow;
        let fuzz = square(1.0 - nv) * 0.12;
        diffuse = KEY * towards + FILL * fill * occlusion + RIM * rim * 0.5 + ambient
            + fuzz * (KEY * towards + SKY);
        glint = KEY * gloss(n, key_h, KEY_TO, max(surface.roughness, 0.5)) * 0.02 * towards * 3.1416;
    } else {
        let rough = clamp(surface.roughness, 0.12, 1.0);
        let towards = saturate(key) * shadow;
        let mirror = reflect(-p.v, n);
        let room = mix(GROUND, SKY * 1.3, smoothstep(-0.4, 0.6, mirror.y)) * occlusion;
        let graze = fifth(1.0 - nv) * (1.0 - rough);
        // What the surface mirrors at right angles: metals tint it.
        let mirrored = KEY * gloss(n, key_h, KEY_TO, rough) * towards * 3.1416 + room * (1.0 - graze);
        diffuse = (KEY * towards + FILL * fill * occlusion + RIM * rim * 0.5 + ambient)
            * (1.0 - surface.metallic) + mirrored * surface.metallic;
        glint = mirrored * (0.04 * (1.0 - surface.metallic)) + room * graze;
    }
    return Light(diffuse, glint + surface.emissive);
}

// Lit at the vertices: for dense meshes, whose pixels then cost one texture.
//
// Shadows on skin have edges finer than its mesh. Light is linear in the shadow,
// so there a vertex takes it twice, within and without, and pixels choose.

struct Lit {
    @builtin(position) clip: vec4<f32>,
    @location(0) uv: vec2<f32>,
    // The base colour without its texture, lit; and its coverage.
    @location(1) diffuse: vec4<f32>,
    @location(2) gloss: vec3<f32>,
    // What a shadow takes away, on skin.
    @location(3) key_diffuse: vec3<f32>,
    @location(4) key_gloss: vec3<f32>,
    // Position in the shadow map, and how much of the key arrives about there.
    @location(5) shadow: vec4<f32>,
}

// How much of the key light arrives within reach of a vertex' triangles: only
// where it is neither all nor nothing do pixels look for the shadow's edge.
fn lit_about(place: vec3<f32>) -> f32 {
    let texel = 1.0 / f32(textureDimensions(shadow_map).x);
    let at = vec2(place.x * 0.5 + 0.5, 0.5 - place.y * 0.5);
    var sum = 0.0;
    for (var y = -1; y <= 1; y++) {
        for (var x = -1; x <= 1; x++) {
            sum += tap(at + vec2(f32(x), f32(y)) * texel * 3.0, place.z);
        }
    }
    return sum / 9.0;
}

@vertex
fn vertex_lit(v: Vertex) -> Lit {
    var f: Lit;
    f.clip = view.clip_from_world * vec4(v.position, 1.0);
    f.uv = v.uv;
    let base = surface.base * v.colour;
    var p: Place;
    p.v = normalize(view.eye - v.position);
    p.n = v.normal;
    if TWO_SIDED && dot(p.n, p.v) < 0.0 {
        p.n = -p.n;
    }
    p.occlusion = v.occlusion.x;
    p.depth = v.colour.r;
    let place = in_shadow_map(v.position, v.normal);
    p.shadow = vec3(1.0);
    if SHADOWED && KIND != SKIN {
        p.shadow = through(lit(place));
    }
    let bright = light(p);
    f.diffuse = vec4(base.rgb * bright.diffuse, base.a);
    f.gloss = bright.gloss;
    if SHADOWED && KIND == SKIN {
        p.shadow = vec3(0.0);
        let dark = light(p);
        f.key_diffuse = base.rgb * (bright.diffuse - dark.diffuse);
        f.key_gloss = bright.gloss - dark.gloss;
        f.shadow = vec4(place, lit_about(place));
    }
    return f;
}

@fragment
fn fragment_lit(f: Lit) -> @location(0) vec4<f32> {
    var base = f.diffuse;
    var shine = f.gloss;
    // What the key does not light needs no look at the map.
    if SHADOWED && KIND == SKIN && f.key_diffuse.r > 0.0 {
        var arrives = f.shadow.w;
        if arrives > 0.002 && arrives < 0.998 {
            arrives = lit(f.shadow.xyz);
        }
        let dark = 1.0 - through(arrives);
        base = vec4(base.rgb - f.key_diffuse * dark, base.a);
        shine -= f.key_gloss * dark;
    }
    if TEXTURED {
        base *= base_colour(f.uv);
    }
    return finish(base.rgb + shine, base.a);
}

// Lit at the pixels.

struct Fragment {
    @builtin(position) clip: vec4<f32>,
    @location(0) world: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) uv: vec2<f32>,
    @location(3) colour: vec4<f32>,
    // Position in the shadow map, and ambient light that arrives.
    @location(4) shadow: vec4<f32>,
}

@vertex
fn vertex(v: Vertex) -> Fragment {
    var f: Fragment;
    f.clip = view.clip_from_world * vec4(v.position, 1.0);
    f.world = v.position;
    f.normal = v.normal;
    f.uv = v.uv;
    f.colour = v.colour;
    f.shadow = vec4(in_shadow_map(v.position, v.normal), v.occlusion.x);
    return f;
}

@vertex
fn shadow_vertex(@location(0) position: vec3<f32>) -> @builtin(position) vec4<f32> {
    return view.shadow_from_world * vec4(position, 1.0);
}

fn shade_normal(f: Fragment, front: bool) -> vec3<f32> {
    var n = normalize(f.normal);
    n = select(-n, n, front);
    if NORMAL_MAPPED {
        // Tangent frame from derivatives (Schüler, "Normal Mapping Without
        // Precomputed Tangents").
        let map = textureSample(normal_map, map_sampler, f.uv).xyz * 2.0 - 1.0;
        let dp1 = dpdx(f.world);
        let dp2 = dpdy(f.world);
        let du1 = dpdx(f.uv);
        let du2 = dpdy(f.uv);
        let p2 = cross(dp2, n);
        let p1 = cross(n, dp1);
        let t = p2 * du1.x + p1 * du2.x;
        let b = p2 * du1.y + p1 * du2.y;
        let scale = inverseSqrt(max(max(dot(t, t), dot(b, b)), 1e-20)) * surface.normal_scale;
        // glTF's green points up, texture v down.
        n = normalize(t * (map.x * scale) - b * (map.y * scale) + n * map.z);
    }
    return n;
}

@fragment
fn fragment(f: Fragment, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    var base = surface.base;
    if TEXTURED {
        base *= base_colour(f.uv);
    }
    base *= f.colour;
    if KIND == UNLIT {
        let alpha = select(1.0, base.a, ALPHA == 2u);
        return vec4(base.rgb * alpha, alpha);
    }
    var p: Place;
    p.n = shade_normal(f, front);
    p.v = normalize(view.eye - f.world);
    if KIND == CORNEA {
        let graze = fifth(1.0 - saturate(dot(p.n, p.v)));
        let shine = softbox(reflect(-p.v, p.n)) * 1.2 + 0.04 + 0.25 * graze;
        let e = expose(vec3(shine));
        return vec4(e * 0.9, saturate(shine) * 0.5);
    }
    p.shadow = vec3(1.0);
    // What faces away needs no look at the map; skin wraps a little further.
    if SHADOWED && dot(p.n, KEY_TO) > -0.45 {
        p.shadow = through(lit(f.shadow.xyz));
    }
    p.occlusion = f.shadow.w;
    p.depth = f.colour.r;
    let light = light(p);
    return finish(base.rgb * light.diffuse + light.gloss, base.a);
}

// A flat person's own pixels, as they are encoded.

struct Flat {
    @builtin(position) clip: vec4<f32>,
    @location(0) uv: vec2<f32>,
    @location(1) colour: vec4<f32>,
}

@vertex
fn vertex_flat(v: Vertex) -> Flat {
    return Flat(view.clip_from_world * vec4(v.position, 1.0), v.uv, surface.base * v.colour);
}

@fragment
fn fragment_flat(f: Flat) -> @location(0) vec4<f32> {
    var base = vec4(1.0);
    if TEXTURED {
        base = textureSample(base_map, map_sampler, f.uv);
    }
    if COLOURED {
        base *= f.colour;
    }
    if ALPHA == 1u && base.a < surface.cutoff {
        discard;
    }
    if ALPHA == 2u {
        return vec4(base.rgb * base.a, base.a);
    }
    return vec4(base.rgb, FULL);
}

fn finish(colour: vec3<f32>, coverage: f32) -> vec4<f32> {
    if ALPHA == 1u && coverage < surface.cutoff {
        discard;
    }
    let alpha = select(1.0, coverage, ALPHA == 2u);
    return vec4(expose(colour) * alpha, alpha);
}
