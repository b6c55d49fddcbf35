using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Explanations;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.History;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Remote;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;
using Status = Grpc.Core.Status;

namespace OrleansFeatures.Gateway;

/// <summary>How a failed request is answered, whatever the transport.</summary>
/// <param name="Code">The gRPC status.</param>
/// <param name="HttpStatus">The HTTP status that means the same.</param>
/// <param name="Field">The place in the request; empty when the request is not at fault.</param>
/// <param name="Message">What happened and what to do, in one sentence.</param>
/// <param name="RetryAfterMs">When a retry has a chance; zero when waiting does not help.</param>
public readonly record struct Failure(StatusCode Code, int HttpStatus, string Field, string Message, int RetryAfterMs)
{
    /// <summary>Whether the operator should know: everything that is not the caller's doing.</summary>
    public bool IsOurs => Code is StatusCode.Internal or StatusCode.Unavailable or StatusCode.DataLoss;
}

/// <summary>The one place where what went wrong becomes a status. Nothing else in the gateway chooses codes.</summary>
public static class Failures
{
    private const string RetryAfterTrailer = "retry-after-ms";
    private const string DetailsTrailer = "grpc-status-details-bin";
    private const string Domain = "orleansfeatures";

    public static Failure Of(Exception exception) => exception switch
    {
        RequestRefusedException refused => OfRefusal(refused.Refusal),
        StateMemoryFullException => new(StatusCode.ResourceExhausted, 429, "", exception.Message, Limits.RetryAfterMs),
        ProcessMemoryFullException => new(StatusCode.ResourceExhausted, 429, "", exception.Message, Limits.RetryAfterMs),
        OutOfMemoryException => new(StatusCode.ResourceExhausted, 429, "", "the process has no memory left for this request; give it more, or send less at once", Limits.RetryAfterMs),
        TooManyWaitersException => new(StatusCode.ResourceExhausted, 429, "min_token", exception.Message, Limits.RetryAfterMs),
        OriginalNotDurableException or DefinitionsChangedException or PartitionUnavailableException or HistoryCutException => new(StatusCode.Unavailable, 503, "", exception.Message, Limits.RetryAfterMs),
        ReconcileUnderWayException or ExplanationTooLongException => new(StatusCode.FailedPrecondition, 409, "", exception.Message, 0),
        LogFullException or StateFullException or LogPoisonedException { IsDiskFull: true } or MetadataException { IsDiskFull: true } => new(StatusCode.ResourceExhausted, 507, "", exception.Message, 0),
        LogOverloadedException => new(StatusCode.ResourceExhausted, 429, "", exception.Message, Limits.RetryAfterMs),
        LogCorruptException or StateCorruptException or EntityUnreadableException or LogGapException => new(StatusCode.DataLoss, 500, "", exception.Message, 0),
        LogInvariantException => new(StatusCode.Internal, 500, "", exception.Message, 0),
        LogException or MetadataException => new(StatusCode.Unavailable, 503, "", exception.Message, 0),
        ObjectDisposedException => OfRefusal(Refuse.Stopping().Refusal),
        BadHttpRequestException bad => new(StatusCode.InvalidArgument, bad.StatusCode, "", $"{bad.Message}; send at most {Limits.MessageBytesMax} bytes in one request", 0),
        OperationCanceledException => new(StatusCode.Cancelled, 499, "", "the call was cancelled before it was finished", 0),
        InvariantException => new(StatusCode.Internal, 500, "", $"a bug of ours: {exception.Message}; please report it", 0),
        _ => new(StatusCode.Internal, 500, "", $"a bug of ours ({exception.GetType().Name}); the server's log has the details", 0),
    };

    /// <summary>What the server itself has refused before any endpoint saw it: a path that is not there, or not for this method.</summary>
    internal static Failure OfStatus(int status, string message) => status switch
    {
        404 => new(StatusCode.NotFound, 404, "", message, 0),
        405 => new(StatusCode.Unimplemented, 405, "", message, 0),
        >= 500 => new(StatusCode.Internal, status, "", message, 0),
        _ => new(StatusCode.InvalidArgument, status, "", message, 0),
    };

    /// <summary>As an exception that a gRPC handler may throw: status, message, and the standard details in the trailers.</summary>
    public static RpcException ToRpc(Exception exception)
    {
        if (exception is RpcException already)
        {
            return already;
        }

        Failure failure = Of(exception);
        var trailers = new Grpc.Core.Metadata { { DetailsTrailer, DetailsOf(failure).ToByteArray() } };
        if (failure.RetryAfterMs > 0)
        {
            trailers.Add(RetryAfterTrailer, failure.RetryAfterMs.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return new RpcException(new Status(failure.Code, failure.Message, exception), trailers);
    }

    /// <summary>The same as the headers of an answer that has no body. Messages are printable ASCII without a percent sign, so that they need no encoding.</summary>
    internal static IEnumerable<KeyValuePair<string, string>> GrpcHeaders(Failure failure)
    {
        yield return new("grpc-status", ((int)failure.Code).ToString(System.Globalization.CultureInfo.InvariantCulture));
        yield return new("grpc-message", failure.Message);
        yield return new(DetailsTrailer, Convert.ToBase64String(DetailsOf(failure).ToByteArray()).TrimEnd('='));
        if (failure.RetryAfterMs > 0)
        {
            yield return new(RetryAfterTrailer, failure.RetryAfterMs.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    /// <summary>The code as gRPC spells it.</summary>
    public static string NameOf(StatusCode code) => code switch
    {
        StatusCode.InvalidArgument => "INVALID_ARGUMENT",
        StatusCode.NotFound => "NOT_FOUND",
        StatusCode.FailedPrecondition => "FAILED_PRECONDITION",
        StatusCode.OutOfRange => "OUT_OF_RANGE",
        StatusCode.ResourceExhausted => "RESOURCE_EXHAUSTED",
        StatusCode.DeadlineExceeded => "DEADLINE_EXCEEDED",
        StatusCode.Unavailable => "UNAVAILABLE",
        StatusCode.DataLoss => "DATA_LOSS",
        StatusCode.Cancelled => "CANCELLED",
        StatusCode.PermissionDenied => "PERMISSION_DENIED",
        StatusCode.Unimplemented => "UNIMPLEMENTED",
        _ => "INTERNAL",
    };

    private static Failure OfRefusal(RequestRefusal refusal) => refusal.Kind switch
    {
        RefusalKind.InvalidArgument => new(StatusCode.InvalidArgument, 400, refusal.Field, refusal.Message, 0),
        RefusalKind.NotFound => new(StatusCode.NotFound, 404, refusal.Field, refusal.Message, 0),
        RefusalKind.FailedPrecondition => new(StatusCode.FailedPrecondition, 409, refusal.Field, refusal.Message, 0),
        RefusalKind.OutOfRange => new(StatusCode.OutOfRange, 410, refusal.Field, refusal.Message, 0),
        RefusalKind.Exhausted => new(StatusCode.ResourceExhausted, 429, refusal.Field, refusal.Message, Limits.RetryAfterMs),
        RefusalKind.NotAcceptable => new(StatusCode.InvalidArgument, 406, refusal.Field, refusal.Message, 0),
        RefusalKind.Unreadable => new(StatusCode.InvalidArgument, 415, refusal.Field, refusal.Message, 0),
        RefusalKind.Forbidden => new(StatusCode.PermissionDenied, 403, refusal.Field, refusal.Message, 0),
        RefusalKind.OutOfTime => new(StatusCode.DeadlineExceeded, 504, refusal.Field, refusal.Message, 0),
        _ => new(StatusCode.Unavailable, 503, refusal.Field, refusal.Message, Limits.RetryAfterMs),
    };

    private static Google.Rpc.Status DetailsOf(in Failure failure)
    {
        var details = new Google.Rpc.Status { Code = (int)failure.Code, Message = failure.Message };
        details.Details.Add(Any.Pack(new ErrorInfo { Reason = NameOf(failure.Code), Domain = Domain }));
        if (failure.Field.Length > 0)
        {
            var bad = new BadRequest();
            bad.FieldViolations.Add(new BadRequest.Types.FieldViolation { Field = failure.Field, Description = failure.Message });
            details.Details.Add(Any.Pack(bad));
        }

        if (failure.RetryAfterMs > 0)
        {
            details.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromMilliseconds(failure.RetryAfterMs)) }));
        }

        return details;
    }
}
