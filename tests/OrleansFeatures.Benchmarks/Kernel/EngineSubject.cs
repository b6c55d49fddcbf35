using System.Buffers.Binary;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>The engine.</summary>
internal sealed class EngineSubject : IKernelSubject
{
    private readonly RecordBlock _block;
    private readonly EntityRead _read;
    private readonly Value[] _fields = new Value[6];
    private readonly byte[] _key = new byte[1 + sizeof(long)];
    private readonly FeatureValue[] _values;
    private readonly double[] _last;

    public EngineSubject(Catalog catalog, int partitions, int blockEvents)
    {
        Store = new EngineStore(catalog, partitions);
        _block = new RecordBlock(catalog, KernelDefinitions.Stream, Store.Map, blockEvents);
        _read = catalog.AllOf(KernelDefinitions.Entity)!.Entities[0];
        _values = new FeatureValue[_read.Plan.FeatureCount];
        _last = new double[_values.Length];
        _key[0] = (byte)'i';
        _fields[4] = Value.Of("the corner shop");
        _fields[5] = Value.Of(true);
    }

    public string Name => "engine";

    public EngineStore Store { get; }

    public ReadOnlySpan<double> LastRead
    {
        get
        {
            for (int index = 0; index < _last.Length; index++)
            {
                Value value = _values[index].Scalar;
                _last[index] = value.IsNull ? double.NaN : value.Type == FieldType.Int64 ? value.Int64 : value.Double;
            }

            return _last;
        }
    }

    public void Prepare(ReadOnlySpan<KernelEvent> events)
    {
        _block.Clear();
        foreach (ref readonly KernelEvent next in events)
        {
            _fields[0] = Value.Of(next.Id);
            _fields[1] = Value.Of(new EventTime(next.TimeMicros));
            _fields[2] = Value.Of(next.Key);
            _fields[3] = Value.Of(next.Amount);
            _block.Add(_fields, next.ArrivalMicros);
        }
    }

    public void Apply() => Store.Apply(_block);

    public void Read(ReadOnlySpan<long> keys, long asOfMicros)
    {
        foreach (long key in keys)
        {
            BinaryPrimitives.WriteInt64BigEndian(_key.AsSpan(1), key);
            Store.Read(_read, _key, new EventTime(asOfMicros), _values);
        }
    }
}
