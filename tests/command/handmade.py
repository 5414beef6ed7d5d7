# Bytes of npy, npz and ONNX files by hand, right and wrong ones, with nothing but the standard library.
# SPDX-License-Identifier: MIT
import io, struct, warnings, zipfile


def npy(shape, values=None, descr='<f4', fortran='False', data=None, header=None):
    """An array as numpy.save writes it; `data` and `header` replace what belongs there."""
    if data is None:
        data = struct.pack('<%df' % len(values), *values)
    if header is None:
        header = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, fortran, repr(tuple(shape)))
    header += ' ' * (-(len(header) + 11) % 64) + '\n'
    return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header.encode() + data


def npz(members, method=zipfile.ZIP_STORED):
    """members: pairs of a name and .npy bytes; names may repeat."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # zipfile warns of names that repeat
        with zipfile.ZipFile(out, 'w', method) as z:
            for name, content in members:
                z.writestr(name + '.npy', content)
    return out.getvalue()


def showers(events=4, voxels=50, change=None):
    """Flat list of plain shower energies in MeV; change: {index: value}."""
    values = [1.0 + i % 7 for i in range(events * voxels)]
    for i, v in (change or {}).items():
        values[i] = v
    return values


def events(shower_npy=None, energy_npy=None, **more):
    shower_npy = shower_npy if shower_npy is not None else npy((4, 50), showers())
    energy_npy = energy_npy if energy_npy is not None else npy((4, 1), [1000.0, 2000.0, 3000.0, 4000.0])
    return npz([('showers', shower_npy), ('incident_energies', energy_npy)], **more)


def read_npz(content):
    """name -> (shape, flat list of floats) of an .npz of float32 arrays."""
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(content)) as z:
        for name in z.namelist():
            data = z.read(name)
            length = struct.unpack_from('<H', data, 8)[0]
            shape = eval(data[10:10 + length].decode(), {'__builtins__': {}})['shape']
            body = data[10 + length:]
            arrays[name[:-4]] = shape, list(struct.unpack('<%df' % (len(body) // 4), body))
    return arrays


# --- protobuf: https://protobuf.dev/programming-guides/encoding/, field numbers of onnx.proto

def varint(n):
    n &= 2**64 - 1
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def block(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, dims, values=None, data_type=1, external=None):
    out = b''.join(number(1, d) for d in dims) + number(2, data_type) + block(8, name)
    if external is not None:
        entries = b''.join(block(13, block(1, k) + block(2, v)) for k, v in external.items())
        return out + entries + number(14, 1)
    code = {1: 'f', 7: 'q'}[data_type]
    return out + block(9, struct.pack('<%d%s' % (len(values), code), *values))


def node(op_type, inputs, outputs, name='', attributes=b'', domain=''):
    out = b''.join(block(1, i) for i in inputs) + b''.join(block(2, o) for o in outputs)
    return out + block(3, name) + block(4, op_type) + attributes + (block(7, domain) if domain else b'')


def transposed():
    return block(5, block(1, 'transB') + number(3, 1) + number(20, 2))


def value(name, *dims):
    shape = b''.join(block(1, number(1, d) if isinstance(d, int) else block(2, d)) for d in dims)
    return block(1, name) + block(2, block(1, number(1, 1) + block(2, shape)))


def model(nodes, tensors, inputs, outputs, opset=13):
    graph = b''.join(block(1, n) for n in nodes) + block(2, 'handmade')
    graph += b''.join(block(5, t) for t in tensors)
    graph += b''.join(block(11, i) for i in inputs) + b''.join(block(12, o) for o in outputs)
    return number(1, 8) + block(7, graph) + block(8, number(2, opset))


def network(weight=None, nodes=None, width=3, opset=13):
    """x [N, 3] -> Gemm with the weight [2, 3] -> Relu -> y [N, 2]."""
    weight = weight if weight is not None else tensor('w', (2, 3), [0.5, -1.0, 2.0, 0.25, 1.5, -0.5])
    bias = tensor('b', (2,), [0.125, -0.25])
    nodes = nodes or [node('Gemm', ['x', 'w', 'b'], ['h'], 'first', transposed()), node('Relu', ['h'], ['y'], 'act')]
    return model(nodes, [weight, bias], [value('x', 'N', width)], [value('y', 'N', 2)], opset)
