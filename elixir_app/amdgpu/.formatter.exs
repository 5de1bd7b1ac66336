[
  inputs: ["{mix,.formatter}.exs", "{bench,lib,mix,test}/**/*.{ex,exs}"]
]
