using System.Collections.Immutable;
using System.IO.Enumeration;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>A feature repository on disk: every *.yaml and *.yml file below a folder that is not hidden, in the order of their relative names.</summary>
public static class DefinitionFolder
{
    /// <summary>
    /// Reads the folder, or the one file, at <paramref name="path"/>. Files are named relative to it, with forward slashes. A file that is
    /// too long or not UTF-8 is an error and is left out; so is a folder without any definition file.
    /// </summary>
    /// <exception cref="IOException">The folder or a file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or a file may not be read.</exception>
    public static ImmutableArray<DefinitionSource> Read(string path, out ImmutableArray<SourceError> errors)
    {
        var sources = ImmutableArray.CreateBuilder<DefinitionSource>();
        var problems = ImmutableArray.CreateBuilder<SourceError>();
        bool isFile = File.Exists(path);
        string[] files = isFile ? [path] : [.. FilesBelow(path)];
        string NameOf(string file) => isFile ? Path.GetFileName(file) : Path.GetRelativePath(path, file).Replace('\\', '/');
        foreach (string file in files.OrderBy(NameOf, StringComparer.Ordinal).Take(Limits.DefinitionFilesMax + 1))
        {
            string name = NameOf(file);
            if (BytesOf(file) is not { } bytes)
            {
                problems.Add(new SourceError(name, 1, 1, $"the file is longer than {Limits.DefinitionFileCharsMax} characters", "split it into several files"));
            }
            else if (DefinitionSource.Decode(name, bytes, out SourceError? error) is { } source)
            {
                sources.Add(source);
            }
            else
            {
                problems.Add(error!);
            }
        }

        if (files.Length == 0)
        {
            problems.Add(new SourceError(path, 1, 1, "there is no definition file in this folder", "add a file such as fraud.yaml"));
        }

        errors = problems.ToImmutable();
        return sources.ToImmutable();
    }

    /// <summary>Null for a file that is too long even if every character took four bytes.</summary>
    private static byte[]? BytesOf(string file)
    {
        using FileStream stream = File.OpenRead(file);
        if (stream.Length > Limits.DefinitionFileCharsMax * 4L)
        {
            return null;
        }

        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>
    /// Hidden folders are not entered: a mounted Kubernetes ConfigMap keeps every file a second time in one. Linked folders are not
    /// entered either: they may lead in a circle. Linked files are read.
    /// </summary>
    private static FileSystemEnumerable<string> FilesBelow(string folder) =>
        new(folder, (ref FileSystemEntry entry) => entry.ToFullPath(), new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = false, AttributesToSkip = FileAttributes.None })
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory && IsDefinition(entry.FileName),
            ShouldRecursePredicate = (ref FileSystemEntry entry) => entry.FileName[0] != '.' && (entry.Attributes & FileAttributes.ReparsePoint) == 0,
        };

    private static bool IsDefinition(ReadOnlySpan<char> file) => file[0] != '.' && Path.GetExtension(file) is ".yaml" or ".yml";
}
