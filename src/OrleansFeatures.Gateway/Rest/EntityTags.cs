using System.Buffers.Binary;
using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>
/// Tags of answers that are pinned in time (<c>as_of</c> an instant, or <c>stream</c>), so that whoever asks again is told with a 304 that nothing has changed. A value then is a function of the
/// definitions, of the entity's state and of the two instants, and these are what the tag is made of; of how far the streams have come only what lies before the instant, because what
/// comes after it changes nothing. Values as of now move with the clock, so that such an answer is out of date when it arrives: it has no tag, and is not to be stored.
/// </summary>
internal static class EntityTags
{
    private const int HashBytes = 16;

    private static readonly ConditionalWeakTable<Catalog, byte[]> DefinitionHashes = [];

    /// <summary>Puts the tag, or <c>no-store</c>, on the answer. True: the client has this answer already, and 304 has been said.</summary>
    /// <param name="context">The call.</param>
    /// <param name="read">The answer.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="definitions">What the answer was read by, which need not be live any more: a tag with newer definitions would say of an old answer that it is what they give.</param>
    /// <param name="host">Where stream time is known.</param>
    public static bool IsKnown(HttpContext context, FeatureRead read, GetFeaturesRequest request, Catalog definitions, IEntityHost host)
    {
        HttpResponse response = context.Response;
        if (request.AsOfMicros.Count == 0 && !request.AsOfStreamTime)
        {
            response.Headers.CacheControl = "no-store";
            return false;
        }

        var tag = new EntityTagHeaderValue($"\"{Base64Url.EncodeToString(HashOf(read, definitions, host))}\"", isWeak: true);
        response.Headers.ETag = tag.ToString();
        response.Headers.CacheControl = "no-cache";
        IList<EntityTagHeaderValue> held = context.Request.GetTypedHeaders().IfNoneMatch;
        if (!held.Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Compare(tag, useStrongComparison: false)))
        {
            return false;
        }

        response.StatusCode = StatusCodes.Status304NotModified;
        return true;
    }

    private static ReadOnlySpan<byte> HashOf(FeatureRead read, Catalog definitions, IEntityHost host)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(DefinitionHashes.GetValue(definitions, static catalog => Encoding.ASCII.GetBytes(DefinitionHash.Of(catalog.Definitions))));
        Append(hash, read.AsOf[0].Micros);
        Append(hash, read.KnownAt[0].Micros);
        for (int entity = 0; entity < read.Stamps.Length; entity++)
        {
            Append(hash, read.Stamps[entity].StateVersion);
            Append(hash, Math.Min(read.AsOf[0].Micros, StreamTime.Of(read.Selection.Entities[entity].Entity, host) ?? long.MinValue));
        }

        // A replay, or memory over its budget, may leave a value out that was there, or bring it back, at the same state version.
        foreach (FeatureValue value in read.Answer(0, 1))
        {
            Append(hash, (long)value.Status);
        }

        return hash.GetHashAndReset().AsSpan(0, HashBytes);
    }

    private static void Append(IncrementalHash hash, long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}
