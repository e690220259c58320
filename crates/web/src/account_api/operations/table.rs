//! How a table of operations is written: one line for what is asked, one for what answers.

macro_rules! parameters {
    () => {
        &[]
    };
    ($query:path) => {
        $query
    };
}

macro_rules! body {
    ($schemas:ident) => {
        None
    };
    ($schemas:ident $body:ty) => {
        Some($schemas.of::<$body>())
    };
}

macro_rules! operations {
    ($($id:ident: $method:ident $path:literal $tag:literal, $summary:literal,
        $(query $query:path,)? $(body $body:ty,)? => $noun:ident :: $run:ident -> $answer:ty;)*) => {
        /// The operations of this part.
        pub(super) const OPERATIONS: &[$crate::account_api::Operation] = &[$($crate::account_api::Operation {
            id: stringify!($id),
            method: stringify!($method),
            path: $path,
            tag: $tag,
            summary: $summary,
            query: parameters!($($query)?),
            is_list: <$answer as $crate::account_api::reply::Answers>::IS_LIST,
            describe: |schemas| {
                let body = body!(schemas $($body)?);
                $crate::account_api::operations::describe::<$answer>(schemas, body)
            },
            run: |call| Box::pin(async move {
                let answer: $answer = $noun::$run(call $(, call.body::<$body>()?)?).await?;
                Ok($crate::account_api::reply::Answers::into_response(answer))
            }),
        },)*];
    };
}
