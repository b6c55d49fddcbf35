namespace OrleansFeatures.Server.Files;

/// <summary>
/// Lines of a byte stream without decoding them. The buffer holds one line and what was read behind it; it doubles for a long line up
/// to <see cref="Limits.RowBytesMax"/>.
/// </summary>
internal sealed class LineReader(Stream content, string place) : IDisposable
{
    private byte[] _buffer = new byte[Limits.ReadBufferBytes];
    private int _lineStart;
    private int _lineEnd;
    private int _next;
    private int _filled;
    private bool _ended;

    /// <summary>The 1-based number of the current line.</summary>
    public long Number { get; private set; }

    /// <summary>The current line without its line break. Valid until the next <see cref="Read"/>.</summary>
    public ReadOnlySpan<byte> Current => _buffer.AsSpan(_lineStart, _lineEnd - _lineStart);

    public bool Read()
    {
        int searched = _next;
        while (true)
        {
            int found = _buffer.AsSpan(searched, _filled - searched).IndexOf((byte)'\n');
            if (found >= 0)
            {
                SetLine(searched + found, searched + found + 1);
                return true;
            }

            searched = _filled;
            if (_ended)
            {
                bool lastLineHasNoBreak = _filled > _next;
                SetLine(_filled, _filled);
                return lastLineHasNoBreak;
            }

            searched -= Fill();
        }
    }

    public void Dispose() => content.Dispose();

    private void SetLine(int end, int next)
    {
        _lineStart = _next;
        _lineEnd = end > _lineStart && end < _filled && _buffer[end - 1] == '\r' ? end - 1 : end;
        _next = next;
        Number++;
        if (Number == 1 && Current.StartsWith("\uFEFF"u8))
        {
            _lineStart += "\uFEFF"u8.Length;
        }
    }

    /// <summary>Moves the unfinished line to the front and reads behind it. Returns by how much everything moved.</summary>
    private int Fill()
    {
        int moved = _next;
        _buffer.AsSpan(_next, _filled - _next).CopyTo(_buffer);
        _filled -= moved;
        _next = 0;
        if (_filled == _buffer.Length)
        {
            if (_buffer.Length >= Limits.RowBytesMax)
            {
                throw CommandFailure.Refused($"{place}:{Number + 1}: a line longer than {Limits.RowBytesMax / (1024 * 1024)} MB starts here; expected one JSON object per line");
            }

            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        try
        {
            int read = content.Read(_buffer, _filled, _buffer.Length - _filled);
            _filled += read;
            _ended = read == 0;
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException)
        {
            throw InputFile.Damaged(place, Number, exception);
        }

        return moved;
    }
}
