using System.Buffers;
using System.Text;

namespace Grpc.Core;

public sealed partial class Metadata
{
    /// <summary>One key and its value. The constructor refuses what HTTP/2 could not carry.</summary>
    public class Entry
    {
        // RFC-wise a header name has more letters; gRPC allows exactly these (PROTOCOL-HTTP2, "Header-Name").
        private static readonly SearchValues<char> KeyCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-.");

        private readonly string? _value;
        private readonly byte[]? _valueBytes;

        public Entry(string key, byte[] valueBytes)
        {
            ArgumentNullException.ThrowIfNull(valueBytes);
            Key = NormalizedKey(key);
            if (!Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal))
            {
                throw new ArgumentException($"Metadata key '{key}' holds bytes, so it must end in '-bin'.", nameof(key));
            }

            _valueBytes = (byte[])valueBytes.Clone();
        }

        public Entry(string key, string value)
        {
            ArgumentNullException.ThrowIfNull(value);
            Key = NormalizedKey(key);
            if (Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal))
            {
                throw new ArgumentException($"Metadata key '{key}' ends in '-bin', so its value must be bytes.", nameof(key));
            }

            if (!IsCarriable(value))
            {
                throw new ArgumentException($"The value of metadata key '{key}' holds more than printable ASCII, which a header cannot carry. Use a '-bin' key.", nameof(value));
            }

            _value = value;
        }

        // For entries from the wire, whose key and value HTTP/2 has already checked; nothing is copied.
        internal Entry(string key, string? value, byte[]? valueBytes)
        {
            Key = key;
            _value = value;
            _valueBytes = valueBytes;
        }

        public string Key { get; }

        public bool IsBinary => _value is null;

        public byte[] ValueBytes => _valueBytes is null ? Encoding.ASCII.GetBytes(_value!) : (byte[])_valueBytes.Clone();

        public string Value => _value ?? throw new InvalidOperationException($"Metadata key '{Key}' holds bytes; read ValueBytes.");

        public override string ToString() => IsBinary
            ? $"[Entry: key={Key}, valueBytes={Convert.ToBase64String(_valueBytes!)}]"
            : $"[Entry: key={Key}, value={_value}]";

        internal ReadOnlySpan<byte> BinaryValue => _valueBytes;

        /// <summary>Whether a value is an ASCII-Value of the specification: space to tilde.</summary>
        internal static bool IsCarriable(ReadOnlySpan<char> value) => value.IndexOfAnyExceptInRange(' ', '~') < 0;

        private static string NormalizedKey(string key)
        {
            ArgumentException.ThrowIfNullOrEmpty(key);
            var lower = key.ToLowerInvariant();
            var bad = lower.AsSpan().IndexOfAnyExcept(KeyCharacters);
            return bad < 0 ? lower : throw new ArgumentException($"Metadata key '{key}' holds '{key[bad]}'; allowed are a-z 0-9 _ - and dot.", nameof(key));
        }
    }
}
