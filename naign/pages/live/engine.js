/* The networks of naign in the browser.

   A classic script without imports or requests, so that a page opened by double-click works. It defines
   `naignLive`, with `memory`, `network` and `source`; the figures are in the files beside this one.

   Inside a network an activation is a matrix in one growing heap of float32: a row a channel, and in a row
   sample after sample, each `side` x `side` pixels. Rows are padded to a multiple of 8 columns, so that the
   matrix product can work on whole blocks of 4 rows and 8 columns. */
(function (root) {
  "use strict";
  if (root.naignLive) return;

  const PRODUCT = "@PRODUCT@"; // product.wat, assembled, in base64: Python puts it here

  const roundUp = (count, block) => Math.ceil(count / block) * block;

  function bytes(base64) {
    const text = atob(base64);
    const found = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) found[i] = text.charCodeAt(i);
    return found;
  }

  /** Numbers of half precision as float32. Infinity and NaN do not occur in weights. */
  function halves(base64) {
    const given = new Uint16Array(bytes(base64).buffer);
    const bits = new Uint32Array(given.length);
    const numbers = new Float32Array(bits.buffer);
    // Sign and mantissa go to their places; the exponents then lack 127 - 15 = 112, which the factor makes up for.
    for (let i = 0; i < given.length; i++) bits[i] = ((given[i] & 0x8000) << 16) | ((given[i] & 0x7fff) << 13);
    for (let i = 0; i < numbers.length; i++) numbers[i] *= 2 ** 112;
    return numbers;
  }

  const singles = (base64) => new Float32Array(bytes(base64).buffer);

  /* ---- memory and the one costly operation ---- */

  /** The heap and the matrix product: WebAssembly where its SIMD is there, else (or if `plain`) JavaScript.

      product(a, b, c, bias, M, N, K) is C = A B + bias for A of M x K, B of K x N, a bias a row; the first four
      are places in the heap, M is a multiple of 4 and N of 8. */
  function memory(plain) {
    let heap, grow, product;
    let top = 16;
    try {
      if (plain) throw new Error("WebAssembly is not wanted");
      const wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes(PRODUCT))).exports;
      heap = new Float32Array(wasm.memory.buffer);
      grow = (length) => {
        wasm.memory.grow(Math.ceil((length - heap.length) / 16384) + 16); // pages of 64 KiB
        heap = new Float32Array(wasm.memory.buffer);
      };
      product = (a, b, c, bias, M, N, K) => wasm.product(4 * a, 4 * b, 4 * c, 4 * bias, M, N, K);
    } catch (error) {
      plain = true;
      heap = new Float32Array(1 << 18);
      grow = (length) => {
        const larger = new Float32Array(Math.max(length, 2 * heap.length));
        larger.set(heap);
        heap = larger;
      };
      product = (a, b, c, bias, M, N, K) => plainProduct(heap, a, b, c, bias, M, N, K);
    }
    return {
      kind: plain ? "javascript" : "webassembly",
      product,
      get heap() {
        return heap;
      },
      /** A place for `length` numbers, all 0 where `numbers` are not given. */
      place(length, numbers) {
        const at = top;
        top += roundUp(length, 4);
        if (top > heap.length) grow(top);
        heap.fill(0, at, top);
        if (numbers) heap.set(numbers, at);
        return at;
      },
      mark: () => top,
      release(mark) {
        top = mark;
      },
    };
  }

  function plainProduct(heap, a, b, c, bias, M, N, K) {
    for (let i = 0; i < M; i += 4) {
      const a0 = a + i * K, a1 = a0 + K, a2 = a1 + K, a3 = a2 + K;
      for (let j = 0; j < N; j += 2) { // four rows and two columns at a time stay in registers
        let c00 = heap[bias + i], c10 = heap[bias + i + 1], c20 = heap[bias + i + 2], c30 = heap[bias + i + 3];
        let c01 = c00, c11 = c10, c21 = c20, c31 = c30;
        for (let k = 0, at = b + j; k < K; k++, at += N) {
          const left = heap[at], right = heap[at + 1];
          const w0 = heap[a0 + k], w1 = heap[a1 + k], w2 = heap[a2 + k], w3 = heap[a3 + k];
          c00 += w0 * left; c01 += w0 * right;
          c10 += w1 * left; c11 += w1 * right;
          c20 += w2 * left; c21 += w2 * right;
          c30 += w3 * left; c31 += w3 * right;
        }
        const to = c + i * N + j;
        heap[to] = c00; heap[to + 1] = c01;
        heap[to + N] = c10; heap[to + N + 1] = c11;
        heap[to + 2 * N] = c20; heap[to + 2 * N + 1] = c21;
        heap[to + 3 * N] = c30; heap[to + 3 * N + 1] = c31;
      }
    }
  }

  /* ---- layers: each is made from its description and weights, and maps an activation to the next ----

     An activation is {at, channels, side, columns, samples}; `columns` is the padded length of a row. */

  /** Calls visit(small, large, count) for the runs of pixels that a kernel at (row, column) of its k x k joins:
      `count` neighbours in the small image, and every stride-th in the large one. */
  function eachRun(small, large, samples, { stride, padding }, row, column, visit) {
    const first = Math.max(0, Math.ceil((padding - column) / stride));
    const last = Math.min(small - 1, Math.floor((large - 1 + padding - column) / stride));
    if (last < first) return;
    for (let i = 0; i < samples; i++) {
      for (let h = 0; h < small; h++) {
        const y = h * stride - padding + row;
        if (y < 0 || y >= large) continue;
        const from = (i * large + y) * large + first * stride - padding + column;
        visit((i * small + h) * small + first, from, last - first + 1);
      }
    }
  }

  const LAYERS = {
    linear(memory, take, { inputs, outputs }) {
      const rows = roundUp(outputs, 4);
      const weights = memory.place(rows * inputs, take(inputs * outputs));
      const bias = memory.place(rows, take(outputs));
      return (x) => {
        const at = memory.place(rows * x.columns);
        memory.product(weights, x.at, at, bias, rows, x.columns, inputs);
        return { ...x, at, channels: outputs };
      };
    },

    convolution(memory, take, shape) {
      const { inputs, outputs, kernel, stride, padding } = shape;
      const rows = roundUp(outputs, 4), depth = inputs * kernel * kernel;
      const weights = memory.place(rows * depth, take(outputs * depth));
      const bias = memory.place(rows, take(outputs));
      return (x) => {
        const side = (x.side + 2 * padding - kernel) / stride + 1;
        const columns = roundUp(x.samples * side * side, 8);
        const patches = memory.place(depth * columns); // a row for each pixel of the kernel
        const at = memory.place(rows * columns);
        const heap = memory.heap;
        for (let row = 0; row < depth; row++) {
          const within = row % (kernel * kernel);
          const from = x.at + Math.floor(row / (kernel * kernel)) * x.columns, to = patches + row * columns;
          const place = [Math.floor(within / kernel), within % kernel];
          eachRun(side, x.side, x.samples, shape, ...place, (small, large, count) => {
            for (let t = 0; t < count; t++) heap[to + small + t] = heap[from + large + t * stride];
          });
        }
        memory.product(weights, patches, at, bias, rows, columns, depth);
        return { at, channels: outputs, side, columns, samples: x.samples };
      };
    },

    transposed(memory, take, shape) {
      const { inputs, outputs, kernel, stride, padding } = shape;
      const depth = outputs * kernel * kernel, rows = roundUp(depth, 4);
      const given = take(inputs * depth), turned = new Float32Array(given.length); // (inputs, depth) to (depth, inputs)
      for (let i = 0; i < inputs; i++) for (let j = 0; j < depth; j++) turned[j * inputs + i] = given[i * depth + j];
      const weights = memory.place(rows * inputs, turned);
      const nothing = memory.place(rows);
      const bias = take(outputs);
      return (x) => {
        const side = (x.side - 1) * stride - 2 * padding + kernel;
        const columns = roundUp(x.samples * side * side, 8);
        const patches = memory.place(rows * x.columns);
        const at = memory.place(outputs * columns);
        memory.product(weights, x.at, patches, nothing, rows, x.columns, inputs);
        const heap = memory.heap;
        for (let c = 0; c < outputs; c++) heap.fill(bias[c], at + c * columns, at + (c + 1) * columns);
        for (let row = 0; row < depth; row++) {
          const within = row % (kernel * kernel);
          const from = patches + row * x.columns, to = at + Math.floor(row / (kernel * kernel)) * columns;
          const place = [Math.floor(within / kernel), within % kernel];
          eachRun(x.side, side, x.samples, shape, ...place, (small, large, count) => {
            for (let t = 0; t < count; t++) heap[to + large + t * stride] += heap[from + small + t];
          });
        }
        return { at, channels: outputs, side, columns, samples: x.samples };
      };
    },

    /** Group norm: each sample's channels, in groups, to mean 0 and variance 1, then a scale and a shift a channel. */
    group(memory, take, { channels, groups, epsilon }) {
      const scale = take(channels), shift = take(channels), many = channels / groups;
      return (x) => {
        const heap = memory.heap, area = x.side * x.side, count = many * area;
        for (let i = 0; i < x.samples; i++) {
          for (let first = 0; first < channels; first += many) {
            let sum = 0, squares = 0;
            for (let c = first; c < first + many; c++) {
              const start = x.at + c * x.columns + i * area;
              for (let at = start; at < start + area; at++) sum += heap[at];
            }
            const mean = sum / count;
            for (let c = first; c < first + many; c++) {
              const start = x.at + c * x.columns + i * area;
              for (let at = start; at < start + area; at++) squares += (heap[at] - mean) ** 2;
            }
            const factor = 1 / Math.sqrt(squares / count + epsilon);
            for (let c = first; c < first + many; c++) {
              const start = x.at + c * x.columns + i * area;
              for (let at = start; at < start + area; at++) heap[at] = (heap[at] - mean) * factor * scale[c] + shift[c];
            }
          }
        }
        return x;
      };
    },

    /** Batch norm of a trained network: a scale and a shift a channel. */
    affine(memory, take, { channels }) {
      const scale = take(channels), shift = take(channels);
      return (x) => {
        const heap = memory.heap;
        for (let c = 0; c < channels; c++) {
          const start = x.at + c * x.columns;
          for (let at = start; at < start + x.columns; at++) heap[at] = heap[at] * scale[c] + shift[c];
        }
        return x;
      };
    },

    rectifier(memory, take, { slope }) {
      return (x) => {
        const heap = memory.heap, end = x.at + x.channels * x.columns;
        for (let at = x.at; at < end; at++) if (heap[at] < 0) heap[at] *= slope;
        return x;
      };
    },

    tanh(memory) {
      return (x) => {
        const heap = memory.heap, end = x.at + x.channels * x.columns;
        for (let at = x.at; at < end; at++) heap[at] = Math.tanh(heap[at]);
        return x;
      };
    },

    pool(memory, take, { kernel }) {
      return (x) => {
        const side = Math.floor(x.side / kernel), columns = roundUp(x.samples * side * side, 8);
        const at = memory.place(roundUp(x.channels, 4) * columns), heap = memory.heap;
        for (let c = 0; c < x.channels; c++) {
          for (let pixel = 0; pixel < x.samples * side * side; pixel++) {
            const column = pixel % side, line = Math.floor(pixel / side);
            const row = line % side, i = Math.floor(line / side);
            const from = x.at + c * x.columns + (i * x.side + row * kernel) * x.side + column * kernel;
            let largest = -Infinity;
            for (let u = 0; u < kernel; u++) {
              for (let v = 0; v < kernel; v++) largest = Math.max(largest, heap[from + u * x.side + v]);
            }
            heap[at + c * columns + pixel] = largest;
          }
        }
        return { ...x, at, side, columns };
      };
    },
  };

  /** The network of a payload {input: [channels, side], layers, half, single, source}: weights are of two kinds.

      `run(x, n)` maps n samples, one after the other in a Float32Array, to their images, likewise;
      `draw` makes draws of p_Z of white noise. */
  function network(payload, memory) {
    const weights = { half: halves(payload.half), single: singles(payload.single) };
    const used = { half: 0, single: 0 };
    const layers = payload.layers.map((layer) => {
      if (!LAYERS[layer.kind]) throw new Error(`no layer is called ${layer.kind}`);
      const kind = layer.half ? "half" : "single"; // of its weights
      const take = (count) => weights[kind].subarray(used[kind], (used[kind] += count));
      return LAYERS[layer.kind](memory, take, layer);
    });
    for (const kind of ["half", "single"]) {
      const given = weights[kind].length;
      if (used[kind] !== given) throw new Error(`the layers take ${used[kind]} weights of the ${given} given`);
    }
    const [channels, side] = payload.input, area = side * side;
    const atOnce = side > 1 ? 8 : 128; // samples: what stays in the cache of a processor

    function some(x, first, samples) { // of the samples from `first` on
      const columns = roundUp(samples * area, 8), at = memory.place(roundUp(channels, 4) * columns), heap = memory.heap;
      for (let i = 0; i < samples; i++) {
        for (let c = 0; c < channels; c++) {
          const from = ((first + i) * channels + c) * area;
          heap.set(x.subarray(from, from + area), at + c * columns + i * area);
        }
      }
      return layers.reduce((activation, layer) => layer(activation), { at, channels, side, columns, samples });
    }

    function run(x, n) {
      let images = new Float32Array(0);
      for (let first = 0; first < n; first += atOnce) {
        const mark = memory.mark(), y = some(x, first, Math.min(atOnce, n - first)), pixels = y.side * y.side;
        if (first === 0) images = new Float32Array(n * y.channels * pixels);
        for (let i = 0; i < y.samples; i++) {
          for (let c = 0; c < y.channels; c++) {
            const from = y.at + c * y.columns + i * pixels;
            images.set(memory.heap.subarray(from, from + pixels), ((first + i) * y.channels + c) * pixels);
          }
        }
        memory.release(mark);
      }
      return images;
    }
    return { run, draw: source(payload.source) };
  }

  /* ---- noise ---- */

  /** White noise to a draw of p_Z: itself, or with the mean and the spectrum of a payload {mean, deviation, shape}. */
  function source(payload) {
    if (!payload) return (white) => white;
    const mean = singles(payload.mean), deviation = singles(payload.deviation), side = payload.shape[2];
    const area = side * side, turn = Array.from({ length: side }, (_, k) => (2 * Math.PI * k) / side);
    const cosine = turn.map(Math.cos), sine = turn.map(Math.sin);

    function transform(real, imaginary, sign) { // the two-dimensional discrete Fourier transform, in place
      for (const [step, skip] of [[1, side], [side, 1]]) { // along the rows, then along the columns
        for (let line = 0; line < side; line++) {
          const a = new Float64Array(side), b = new Float64Array(side);
          for (let k = 0; k < side; k++) {
            for (let t = 0; t < side; t++) {
              const at = line * skip + t * step, c = cosine[(k * t) % side], s = sign * sine[(k * t) % side];
              a[k] += real[at] * c - imaginary[at] * s;
              b[k] += real[at] * s + imaginary[at] * c;
            }
          }
          for (let k = 0; k < side; k++) {
            real[line * skip + k * step] = a[k];
            imaginary[line * skip + k * step] = b[k];
          }
        }
      }
    }

    return (white) => {
      const z = new Float32Array(white.length);
      for (let start = 0; start < white.length; start += area) {
        const real = Float64Array.from(white.subarray(start, start + area)), imaginary = new Float64Array(area);
        const from = start % mean.length; // where this channel's statistics are
        transform(real, imaginary, -1);
        for (let i = 0; i < area; i++) {
          real[i] *= deviation[from + i] / area;
          imaginary[i] *= deviation[from + i] / area;
        }
        transform(real, imaginary, 1);
        for (let i = 0; i < area; i++) z[start + i] = mean[from + i] + real[i];
      }
      return z;
    };
  }

  root.naignLive = { bytes, singles, memory, network, source };
})(globalThis);
